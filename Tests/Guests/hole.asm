; Writes to and reads from addresses that no memory stands behind; a read gives all ones.
%include "guest.inc"

main:
  mov edi, 0xd0000000
  call probe
  mov edi, 0xfeb00000
  call probe
  ret

; Prints the address in edi and what it reads as.
probe:
  mov dword [edi], 0
  mov eax, edi
  call printHexadecimal
  print " "
  mov eax, [edi]
  call printHexadecimal
  print 10
  ret
