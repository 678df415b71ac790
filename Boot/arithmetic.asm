; The compiler's call for a division of 128-bit integers: what UInt64.dividingFullWidth becomes.

global __udivti3

section .text
bits 64

; rsi:rdi / rcx:rdx -> rdx:rax
__udivti3:
    mov r8, rdx                 ; divisor, low
    test rcx, rcx
    jnz .wide
    mov rax, rsi                ; schoolbook: high word first, its remainder before the low word
    xor edx, edx
    div r8
    mov r9, rax
    mov rax, rdi
    div r8
    mov rdx, r9
    ret
.wide:                          ; the divisor exceeds 64 bits, so the quotient fits 64: shift and subtract
    xor eax, eax                ; quotient
    xor r10d, r10d              ; remainder, low
    xor r11d, r11d              ; remainder, high
    mov r9d, 128
.next:
    shl rdi, 1
    rcl rsi, 1
    rcl r10, 1
    rcl r11, 1
    shl rax, 1
    cmp r10, r8
    mov rdx, r11
    sbb rdx, rcx
    jb .smaller
    sub r10, r8
    sbb r11, rcx
    inc rax
.smaller:
    dec r9d
    jnz .next
    xor edx, edx
    ret
