; Prints what the loader handed over: the command line, the modules (size, first four bytes, string) and the memory
; map (base, length, kind). Multiboot 0.6.96, 3.3.
%include "guest.inc"

MAGIC equ 0x2badb002
HAS_COMMAND_LINE equ 1 << 2
HAS_MODULES equ 1 << 3
HAS_MAP equ 1 << 6

main:
  cmp eax, MAGIC
  je .flags
  print "wrong magic number", 10
  ret
.flags:
  test dword [ebx], HAS_COMMAND_LINE
  jz .modules
  print "command line: "
  mov esi, [ebx + 16]
  call printString
  print 10

.modules:
  test dword [ebx], HAS_MODULES
  jz .map
  mov ecx, [ebx + 20]
  mov ebp, [ebx + 24]
.nextModule:
  jecxz .map
  print "module: "
  mov eax, [ebp + 4]
  sub eax, [ebp]
  call printHexadecimal
  print " "
  mov eax, [ebp]
  mov eax, [eax]
  call printHexadecimal
  print " "
  mov esi, [ebp + 8]
  call printString
  print 10
  add ebp, 16
  dec ecx
  jmp .nextModule

.map:
  test dword [ebx], HAS_MAP
  jz .done
  mov ebp, [ebx + 48]
  mov edi, [ebx + 44]
  add edi, ebp
.nextRange:
  cmp ebp, edi
  jae .done
  print "memory: "
  mov eax, [ebp + 8]
  call printHexadecimal
  mov eax, [ebp + 4]
  call printHexadecimal
  print " "
  mov eax, [ebp + 16]
  call printHexadecimal
  mov eax, [ebp + 12]
  call printHexadecimal
  print " "
  mov eax, [ebp + 20]
  call printHexadecimal
  print 10
  add ebp, [ebp]
  add ebp, 4
  jmp .nextRange
.done:
  ret
