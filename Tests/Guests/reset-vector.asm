; Sends INIT to its own processor, which begins again at the reset vector, FFFF0000H + FFF0H.
%include "guest.inc"

IA32_APIC_BASE equ 0x1b
X2APIC_ICR equ 0x830
INIT equ 0x4500

main:
  print "About to restart", 10
  mov ecx, IA32_APIC_BASE
  rdmsr
  or ah, 0xc
  wrmsr
  mov ecx, X2APIC_ICR
  mov eax, INIT
  xor edx, edx
  wrmsr
  print "Still here", 10
  ret
