; memset, memcpy and memmove: the compiler emits calls to them, and a version in Swift would be compiled
; into a call of itself. REP MOVSQ and STOSQ move whole cache lines (SDM Vol. 1, 7.3.9.3).

global memset
global memcpy
global memmove
global memcmp

section .text
bits 64

memset:                         ; rdi = destination, esi = byte, rdx = count
    mov r8, rdi
    movzx eax, sil
    mov r9, 0x0101010101010101
    imul rax, r9
    mov rcx, rdx
    shr rcx, 3
    rep stosq
    mov ecx, edx
    and ecx, 7
    rep stosb
    mov rax, r8
    ret

memcpy:                         ; rdi = destination, rsi = source, rdx = count
    mov rax, rdi
    mov rcx, rdx
    shr rcx, 3
    rep movsq
    mov ecx, edx
    and ecx, 7
    rep movsb
    ret

memmove:                        ; the same, for ranges that may overlap
    mov rax, rdi
    sub rax, rsi
    cmp rax, rdx
    jae memcpy                  ; the destination is not inside the source
    mov rax, rdi
    lea rdi, [rdi + rdx - 1]
    lea rsi, [rsi + rdx - 1]
    mov rcx, rdx
    std
    rep movsb
    cld
    ret

memcmp:                         ; rdi, rsi = areas, rdx = count
    mov rcx, rdx
    xor eax, eax
    cmp rcx, rcx                ; equal, if there is nothing to compare
    repe cmpsb
    je .equal
    movzx eax, byte [rdi - 1]
    movzx edx, byte [rsi - 1]
    sub eax, edx
.equal:
    ret
