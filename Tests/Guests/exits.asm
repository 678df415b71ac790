; Measures what leaving and entering the guest costs: for each kind of exit one line with its name, the number of
; rounds and the time-stamp counter's ticks for all of them, both in hexadecimal. `nothing` is the empty loop.
%include "guest.inc"

ROUNDS equ 1024
UNUSED_PORT equ 0xed
IA32_TSC_DEADLINE equ 0x6e0
ABSENT_MEMORY equ 0xd0000000
FRESH_MEMORY equ 16 << 20  ; each round touches another page
PAGE_SIZE equ 4096

; Paging of its own, for what that costs: pages of 4 MiB, but for the fresh memory, which has pages of 4 KiB.
DIRECTORY equ 12 << 20
TABLE equ DIRECTORY + PAGE_SIZE
PRESENT equ 1 << 0
WRITABLE equ 1 << 1
ACCESSED equ 1 << 5
DIRTY equ 1 << 6
LARGE equ 1 << 7
USED equ PRESENT | WRITABLE | ACCESSED | DIRTY
CR4_PSE equ 1 << 4
CR0_PG equ 1 << 31

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

%macro loadCR3 0
  mov eax, DIRECTORY
  mov cr3, eax
%endmacro

%macro invalidatePage 0
  invlpg [FRESH_MEMORY]
%endmacro

main:
  mov edi, FRESH_MEMORY
  measure "nothing", {}
  measure "cpuid", identify
  measure "port-write", writePort
  measure "msr-write", writeMSR
  measure "fresh-page", touchFreshMemory
  measure "absent-read", readAbsentMemory
  call startPaging
  measure "cr3-load", loadCR3
  mov edi, FRESH_MEMORY
  measure "new-entry", touchFreshMemory  ; its memory is not fresh any more, its entry in the guest's table is
  measure "invlpg", invalidatePage
  ret

; Addresses stay what they are.
startPaging:
  mov edi, DIRECTORY
  mov eax, USED | LARGE
  mov ecx, 1024
.nextDirectoryEntry:
  stosd
  add eax, 4 << 20
  loop .nextDirectoryEntry
  mov dword [DIRECTORY + (FRESH_MEMORY >> 22) * 4], TABLE | USED
  mov edi, TABLE
  mov eax, FRESH_MEMORY | USED
  mov ecx, 1024
.nextTableEntry:
  stosd
  add eax, PAGE_SIZE
  loop .nextTableEntry
  mov eax, DIRECTORY
  mov cr3, eax
  mov eax, cr4
  or eax, CR4_PSE
  mov cr4, eax
  mov eax, cr0
  or eax, CR0_PG
  mov cr0, eax
  ret
