; VM entry and exit on VT-x (SDM Vol. 3C, 26.7 "VM Launch and Resume", 28.5 "Loading Host State").
;
; The VMCS carries RIP, RSP and RFLAGS; every other general register is swapped here, to and from a
; `struct guest_registers` (Sources/Assembly/include/Assembly.h). Floating-point, vector and the remaining
; MSR state stays in the CPU: our own code uses none of it.

%include "Boot/registers.inc"

%define HOST_RSP_FIELD 0x6C14

global enterVMX
global vmxExit

section .text
bits 64

; rdi = struct guest_registers *, esi = 0 to launch, 1 to resume
; -> eax = 0 after an exit, 1 where the entry failed without a valid VMCS, 2 where it failed with one
align 16
enterVMX:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    push rdi
    cmp rsp, [rdi + registers.host]
    je .stackKnown
    mov [rdi + registers.host], rsp
    mov eax, HOST_RSP_FIELD
    vmwrite rax, rsp
.stackKnown:
    test esi, esi
    mov rax, [rdi + registers.rax]
    mov rcx, [rdi + registers.rcx]
    mov rdx, [rdi + registers.rdx]
    mov rbx, [rdi + registers.rbx]
    mov rbp, [rdi + registers.rbp]
    mov rsi, [rdi + registers.rsi]
    mov r8,  [rdi + registers.r8]
    mov r9,  [rdi + registers.r9]
    mov r10, [rdi + registers.r10]
    mov r11, [rdi + registers.r11]
    mov r12, [rdi + registers.r12]
    mov r13, [rdi + registers.r13]
    mov r14, [rdi + registers.r14]
    mov r15, [rdi + registers.r15]
    mov rdi, [rdi + registers.rdi]
    jnz .resume
    vmlaunch
    jmp .failed
.resume:
    vmresume
.failed:                        ; CF: no current VMCS; ZF: the VM-instruction error field says why
    mov eax, 1
    mov ecx, 2
    cmovnc eax, ecx
    jmp enterVMX.return

align 16
vmxExit:                        ; HOST_RIP; rsp = HOST_RSP
    push rdi
    mov rdi, [rsp + 8]
    mov [rdi + registers.rax], rax
    mov [rdi + registers.rcx], rcx
    mov [rdi + registers.rdx], rdx
    mov [rdi + registers.rbx], rbx
    mov [rdi + registers.rbp], rbp
    mov [rdi + registers.rsi], rsi
    mov [rdi + registers.r8],  r8
    mov [rdi + registers.r9],  r9
    mov [rdi + registers.r10], r10
    mov [rdi + registers.r11], r11
    mov [rdi + registers.r12], r12
    mov [rdi + registers.r13], r13
    mov [rdi + registers.r14], r14
    mov [rdi + registers.r15], r15
    pop rax
    mov [rdi + registers.rdi], rax
    xor eax, eax
enterVMX.return:
    pop rdi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
