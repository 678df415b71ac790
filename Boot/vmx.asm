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
    LOAD_GENERAL rdi
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
    SAVE_GENERAL rdi
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
