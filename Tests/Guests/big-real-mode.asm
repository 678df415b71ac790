; Takes a data segment of 4 GiB from protected mode to real mode, and reads above 1 MiB there.
%define STACK_ADDRESS 0x110000
%include "guest.inc"

REAL equ 0x8000
CODE16 equ 8
DATA16 equ 16
DATA32 equ 24

main:
  mov esi, section..real.start
  mov edi, REAL
  mov ecx, realEnd - REAL
  rep movsb
  print "Real mode", 10
  lgdt [gdtPointer]
  jmp CODE16:toRealMode

section .real follows=.text align=16 vstart=REAL
bits 16
toRealMode:
  mov ax, DATA16
  mov ss, ax
  mov ax, DATA32
  mov ds, ax
  mov eax, cr0
  and al, ~1
  mov cr0, eax
  jmp 0:realMode
realMode:
  mov eax, [dword header]
  cmp eax, MULTIBOOT_MAGIC
  jne stopped
  mov al, '!'
  mov dx, COM1
  out dx, al
  mov dx, LINE_STATUS
.drain:
  in al, dx
  test al, TRANSMITTER_EMPTY
  jz .drain
  mov dx, SLEEP_CONTROL
  mov al, SLEEP_ENABLE | POWER_OFF
  out dx, al
stopped:
  hlt
  jmp stopped

gdtPointer: dw gdtEnd - gdt - 1
  dd gdt
align 8
gdt:
  dq 0
  dq 0x00009b000000ffff
  dq 0x000093000000ffff
  dq 0x00cf93000000ffff
gdtEnd:
realEnd:
