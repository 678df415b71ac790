; Says hello and powers off.
%include "guest.inc"

main:
  print "Hello from a Multiboot guest", 10
  ret
