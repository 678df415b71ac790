; Goes to real mode and tries there what a hypervisor may have to do itself: interrupts and exceptions through the table
; of vectors, privileged instructions, ports, HLT, and the way to protected mode and back. Each line of its output names
; what has come out right, or what has come out "wrong".
%define STACK_ADDRESS 0x110000
%include "guest.inc"

REAL equ 0x8000
VECTORS equ 0
OTHER_VECTORS equ 0x600
STACK equ 0x7c00

CODE16 equ 8
DATA16 equ 16
CODE32 equ 24
DATA32 equ 32
SHIFTED equ 40      ; data at REAL

TIMER equ 0x50
IA32_APIC_BASE equ 0x1b
IA32_SYSENTER_CS equ 0x174
X2APIC_EOI equ 0x80b
X2APIC_SPURIOUS equ 0x80f
X2APIC_ICR equ 0x830
X2APIC_LVT_TIMER equ 0x832
X2APIC_INITIAL_COUNT equ 0x838
X2APIC_DIVIDE equ 0x83e

main:
  mov esi, section..real.start
  mov edi, REAL
  mov ecx, realEnd - REAL
  rep movsb
  lgdt [gdtPointer]
  lidt [vectorsPointer]
  jmp CODE16:firstTime

section .real follows=.text align=16 vstart=REAL
bits 16

; Says what has been tried; "wrong" first unless the condition holds.
%macro expect 2
  j%+1 %%right
  mov si, wrong
  call printString16
%%right:
  mov si, %%text
  call printString16
  jmp %%after
%%text: db %2, 10, 0
%%after:
%endmacro

%macro setVector 2
  mov word [VECTORS + 4 * %1], %2
  mov word [VECTORS + 4 * %1 + 2], 0
%endmacro

%macro writeMSR 2
  mov ecx, %1
  mov eax, %2
  xor edx, edx
  wrmsr
%endmacro

; The way to real mode that the SDM recommends (Vol. 3A, 10.9.2).
%macro leaveProtectedMode 1
  mov ax, DATA16
  mov es, ax
  mov fs, ax
  mov gs, ax
  mov ss, ax
  mov ax, %1
  mov ds, ax
  mov eax, cr0
  and al, ~1
  mov cr0, eax
%endmacro

firstTime:
  leaveProtectedMode DATA16
  jmp 0:realMode

realMode:
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esp, STACK
  cld

; Interrupts and exceptions

  setVector 0x40, onSoftwareInterrupt
  sti
  int 0x40
afterInterrupt:
  pushf
  pop bx
  cli
  cmp word [returnOffset], afterInterrupt
  expect e, "INT returns behind itself"
  cmp word [returnSegment], 0
  expect e, "INT saves CS"
  test word [flagsInHandler], 0x300
  expect z, "INT clears IF and TF"
  test bh, 2
  expect nz, "IRET brings IF back"
  cmp sp, STACK
  expect e, "the stack is even"

  setVector 3, onSoftwareInterrupt
  int3
afterBreakpoint:
  cmp word [returnOffset], afterBreakpoint
  expect e, "INT3"
  setVector 4, onSoftwareInterrupt
  mov al, 0x7f
  add al, 1
  into
afterOverflow:
  cmp word [returnOffset], afterOverflow
  expect e, "INTO"

  setVector 0, onFault
  setVector 6, onFault
  setVector 13, onFault
  mov word [faultLength], 2
  mov ax, 1000
  mov bl, 1
divide:
  div bl
  cmp word [returnOffset], divide
  expect e, "#DE"
invalid:
  ud2
  cmp word [returnOffset], invalid
  expect e, "#UD"
  mov word [faultLength], 3
beyond:
  mov ax, [0xffff]
  cmp word [returnOffset], beyond
  expect e, "#GP beyond 64 KiB"
  cmp sp, STACK
  expect e, "exceptions push no error code"

  setVector 1, onTrap
  pushf
  pop ax
  or ah, 1
  push ax
  popf
  nop
traced:
  cmp word [traps], 1
  expect e, "one trap for one instruction"
  cmp word [returnOffset], traced
  expect e, "the trap comes behind it"

; Descriptor tables

  sidt [table]
  lidt [table]
  mov word [returnOffset], 0
  int 0x40
afterReload:
  cmp word [returnOffset], afterReload
  expect e, "SIDT and LIDT"
  mov word [OTHER_VECTORS + 4 * 0x41], onOtherInterrupt
  mov word [OTHER_VECTORS + 4 * 0x41 + 2], 0
  o32 lidt [otherVectorsPointer]
  int 0x41
  cmp word [others], 1
  expect e, "another table of vectors"
  lidt [vectorsPointer]
  lgdt [otherVectorsPointer]
  sgdt [table]
  mov eax, [table]
  mov bx, [table + 4]
  lgdt [gdtPointer]
  cmp eax, [otherVectorsPointer]
  expect e, "LGDT"
  cmp bx, 0
  expect e, "LGDT of a base of 24 bits"

; Registers

  mov eax, cr0
  test eax, 1 << 31 | 1
  expect z, "CR0"
  or al, 8
  mov cr0, eax
  smsw bx
  test bl, 8
  expect nz, "MOV to CR0"
  clts
  smsw bx
  test bl, 8
  expect z, "CLTS"
  mov eax, 0x12345678
  mov cr2, eax
  mov ebx, cr2
  cmp eax, ebx
  expect e, "CR2"
  mov eax, 0x00345000
  mov cr3, eax
  mov ebx, cr3
  cmp eax, ebx
  expect e, "CR3"
  mov eax, cr4
  or al, 1 << 2 | 1
  mov cr4, eax
  mov ebx, cr4
  cmp eax, ebx
  expect e, "CR4"
  rdtsc
  mov word [returnOffset], 0
  int 0x40
afterVME:
  cmp word [returnOffset], afterVME
  expect e, "TSD and VME do not count"
  mov eax, 0x89abcdef
  mov dr1, eax
  mov ebx, dr1
  cmp eax, ebx
  expect e, "DR1"
  mov ebx, dr7
  cmp ebx, 0x400
  expect e, "DR7"
  mov ecx, IA32_APIC_BASE
  rdmsr
  test ah, 8
  expect nz, "RDMSR"
  writeMSR IA32_SYSENTER_CS, 0x1234
  mov ecx, IA32_SYSENTER_CS
  xor eax, eax
  rdmsr
  cmp eax, 0x1234
  expect e, "WRMSR"
  mov word [faultLength], 2
systemCall:
  sysenter
  cmp word [returnOffset], systemCall
  expect e, "#GP of SYSENTER"
  xor eax, eax
  mov ecx, 0x4fffffff
unknownMSR:
  rdmsr
  cmp word [returnOffset], unknownMSR
  expect e, "#GP of an MSR that does not exist"
  wbinvd
  invlpg [0]

; Ports

  mov dx, COM1
  mov si, string
  mov cx, stringEnd - string
  rep outsb
  mov al, 0x55
  mov dx, COM1 + 7
  out dx, al
  xor al, al
  in al, dx
  cmp al, 0x55
  expect e, "OUT and IN"
  out 0xed, al

; Interrupts of the local APIC

  mov ecx, IA32_APIC_BASE
  rdmsr
  or ah, 0xc
  wrmsr
  writeMSR X2APIC_SPURIOUS, 0x1ff
  writeMSR X2APIC_DIVIDE, 0xb
  writeMSR X2APIC_LVT_TIMER, TIMER
  setVector TIMER, onTimer
  writeMSR X2APIC_INITIAL_COUNT, 20000
  sti
  hlt
afterHalt:
  cli
  cmp word [ticks], 1
  expect e, "an interrupt ends HLT"
  cmp word [returnOffset], afterHalt
  expect e, "behind it"
  writeMSR X2APIC_INITIAL_COUNT, 20000
  sti
.wait:
  cmp word [ticks], 2
  jb .wait
  cli
  cmp word [ticks], 2
  expect e, "an interrupt ends a loop"
  setVector 2, onNMI
  writeMSR X2APIC_ICR, 0x400
  writeMSR X2APIC_ICR, 0x400
  cmp word [nmis], 2
  expect e, "one NMI after the other"

; Protected mode and back

  mov ax, REAL >> 4
  mov ds, ax
  smsw ax
  or al, 1
  lmsw ax
  mov bx, [marker - REAL]
  jmp CODE32:protected

bits 32
protected:
  mov ax, DATA32
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov [es:inProtectedMode], bx
  mov eax, [header]
  mov [header16], eax
  mov ecx, IA32_SYSENTER_CS
  rdmsr
  mov [systemCallSegment], ax
  jmp CODE16:secondTime
bits 16

secondTime:
  leaveProtectedMode SHIFTED
  mov bx, [marker - REAL]
  jmp 0:again
again:
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ss, ax
  cmp bx, MARKER
  expect e, "DS keeps its base when real mode begins"
  cmp word [inProtectedMode], MARKER
  expect e, "DS keeps its base when protected mode begins"
  cmp dword [header16], MULTIBOOT_MAGIC
  expect e, "memory above 1 MiB in protected mode"
  cmp word [systemCallSegment], 0x1234
  expect e, "an MSR that real mode has written"
  mov word [returnOffset], 0
  int 0x40
afterReturn:
  cmp word [returnOffset], afterReturn
  expect e, "INT after the return"

  mov dx, LINE_STATUS
.drain:
  in al, dx
  test al, TRANSMITTER_EMPTY
  jz .drain
  mov dx, SLEEP_CONTROL
  mov al, SLEEP_ENABLE | POWER_OFF
  out dx, al
.stopped:
  hlt
  jmp .stopped

; Handlers

; Remembers where it returns to, and FLAGS as the handler gets them.
%macro remember 0
  push bp
  mov bp, sp
  push ax
  pushf
  pop word [cs:flagsInHandler]
  mov ax, [bp + 2]
  mov [cs:returnOffset], ax
  mov ax, [bp + 4]
  mov [cs:returnSegment], ax
%endmacro

onSoftwareInterrupt:
  remember
  pop ax
  pop bp
  iret

onOtherInterrupt:
  inc word [cs:others]
  iret

; Returns behind the instruction that has faulted.
onFault:
  remember
  mov ax, [cs:faultLength]
  add [bp + 2], ax
  pop ax
  pop bp
  iret

; Ends single-stepping.
onTrap:
  remember
  inc word [cs:traps]
  and byte [bp + 7], ~1
  pop ax
  pop bp
  iret

onTimer:
  remember
  pop ax
  pop bp
  inc word [cs:ticks]
  pushad
  writeMSR X2APIC_EOI, 0
  popad
  iret

onNMI:
  inc word [cs:nmis]
  iret

printString16:
  push ax
  push dx
.next:
  lodsb
  test al, al
  jz .done
  mov ah, al
  mov dx, LINE_STATUS
.wait:
  in al, dx
  test al, TRANSMITTER_EMPTY
  jz .wait
  mov al, ah
  mov dx, COM1
  out dx, al
  jmp .next
.done:
  pop dx
  pop ax
  ret

MARKER equ 0x4d52

wrong: db "wrong: ", 0
string: db "REP OUTSB", 10
stringEnd:
marker: dw MARKER
returnOffset: dw 0
returnSegment: dw -1
flagsInHandler: dw -1
faultLength: dw 0
traps: dw 0
others: dw 0
ticks: dw 0
nmis: dw 0
inProtectedMode: dw 0
header16: dd 0
systemCallSegment: dw 0
table: dw 0, 0, 0

align 4
vectorsPointer: dw 0x3ff
  dd VECTORS
otherVectorsPointer: dw 0x3ff
  dd OTHER_VECTORS
gdtPointer: dw gdtEnd - gdt - 1
  dd gdt

align 8
gdt:
  dq 0
  dq 0x00009b000000ffff
  dq 0x000093000000ffff
  dq 0x00cf9b000000ffff
  dq 0x00cf93000000ffff
  dq 0x000093000000ffff | REAL << 16
gdtEnd:
realEnd:
