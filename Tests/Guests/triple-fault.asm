; Brings its processor down: an exception with an empty interrupt table.
%include "guest.inc"

main:
  print "About to fault", 10
  lidt [emptyTable]
  int3

emptyTable: dw 0
  dd 0
