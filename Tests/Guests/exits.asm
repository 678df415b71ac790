; Measures what leaving and entering the guest costs: for each kind of exit one line with its name, the number of
; rounds and the time-stamp counter's ticks for all of them, both in hexadecimal. `nothing` is the empty loop.
%include "guest.inc"

ROUNDS equ 1024
UNUSED_PORT equ 0xed
IA32_TSC_DEADLINE equ 0x6e0
ABSENT_MEMORY equ 0xd0000000
FRESH_MEMORY equ 16 << 20  ; each round touches another page
PAGE_SIZE equ 4096

; Runs %2 in a loop; it may use eax, ebx, ecx and edx, and move edi on.
%macro measure 2
  mov ebp, ROUNDS
  lfence
  rdtsc
  push eax
%%next:
  %2
  dec ebp
  jnz %%next
  rdtsc
  pop ecx
  sub eax, ecx
  print %1, " "
  push eax
  mov eax, ROUNDS
  call printHexadecimal
  print " "
  pop eax
  call printHexadecimal
  print 10
%endmacro

%macro identify 0
  xor eax, eax
  cpuid
%endmacro

%macro writePort 0
  out UNUSED_PORT, al
%endmacro

; Zero disarms the timer, and does nothing at all while it is in another mode.
%macro writeMSR 0
  mov ecx, IA32_TSC_DEADLINE
  xor eax, eax
  xor edx, edx
  wrmsr
%endmacro

%macro touchFreshMemory 0
  mov [edi], eax
  add edi, PAGE_SIZE
%endmacro

%macro readAbsentMemory 0
  mov eax, [ABSENT_MEMORY]
%endmacro

main:
  mov edi, FRESH_MEMORY
  measure "nothing", {}
  measure "cpuid", identify
  measure "port-write", writePort
  measure "msr-write", writeMSR
  measure "fresh-page", touchFreshMemory
  measure "absent-read", readAbsentMemory
  ret
