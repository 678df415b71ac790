; Writes, as a supervisor with CR0.WP clear, across the border of two read-only pages of the user's, which SMAP lets pass
; because EFLAGS.AC is set. On shadow tables neither page may stay open longer than for this instruction.
%include "guest.inc"

PAGE_SIZE equ 4096
DIRECTORY equ 12 << 20
TABLE equ DIRECTORY + PAGE_SIZE
PAGES equ 16 << 20  ; two of them, read-only
PRESENT equ 1 << 0
WRITABLE equ 1 << 1
USER equ 1 << 2
LARGE equ 1 << 7
CR4_PSE equ 1 << 4
CR4_SMAP equ 1 << 21
CR0_PG equ 1 << 31
EFLAGS_AC equ 1 << 18

main:
  mov edi, DIRECTORY
  mov eax, PRESENT | WRITABLE | LARGE
  mov ecx, 1024
.next:
  stosd
  add eax, 4 << 20
  loop .next
  mov dword [DIRECTORY + (PAGES >> 22) * 4], TABLE | PRESENT | WRITABLE | USER
  mov dword [TABLE], PAGES | PRESENT | USER
  mov dword [TABLE + 4], PAGES + PAGE_SIZE | PRESENT | USER
  mov eax, DIRECTORY
  mov cr3, eax
  mov eax, cr4
  or eax, CR4_PSE | CR4_SMAP
  mov cr4, eax
  mov eax, cr0
  or eax, CR0_PG
  mov cr0, eax

  pushfd
  or dword [esp], EFLAGS_AC
  popfd
  mov eax, 0x12345678
  mov [PAGES + PAGE_SIZE - 2], eax
  lock add dword [PAGES + PAGE_SIZE - 1], 0x01000000
  mov eax, [PAGES + PAGE_SIZE - 2]
  mov edx, [PAGES + PAGE_SIZE]
  pushfd
  and dword [esp], ~EFLAGS_AC
  popfd
  call printHexadecimal
  print " "
  mov eax, edx
  call printHexadecimal
  print 10
  ret
