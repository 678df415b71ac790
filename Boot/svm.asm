; Guest entry and exit on AMD-V (APM Vol. 2, 15.5 "VMRUN Instruction", 15.6 "#VMEXIT", 15.17 "Global Interrupt Flag").
;
; VMRUN and #VMEXIT switch what the VMCB's state-save area names, VMLOAD and VMSAVE the rest of the hidden and MSR
; state (FS, GS, TR, LDTR, SYSCALL, SYSENTER), and this code the general registers. RAX, which VMRUN takes the
; VMCB's address in, is kept in the VMCB too; we move it to and from the `struct guest_registers`, so that
; everybody else finds it among the others.
;
; Interrupts: with GIF clear nothing gets in, although IF is set from here on. In the guest physical interrupts
; follow the host's IF (V_INTR_MASKING) and make an exit; back here, IF is cleared before GIF is set again, so that
; they stay pending until the run loop takes them. An NMI is taken at STGI.

%include "Boot/registers.inc"

%define VMCB_RAX 0x5F8

global enterSVM

section .text
bits 64

; rdi = struct guest_registers *, rsi = address of the VMCB
align 16
enterSVM:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    push rdi
    push rsi
    clgi
    sti                         ; its shadow must not reach VMRUN: the loads below stand between
    mov rax, [rdi + registers.rax]
    mov [rsi + VMCB_RAX], rax
    mov rax, rsi
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
    vmload
    vmrun
    vmsave                      ; #VMEXIT has restored RAX and RSP, everything else is the guest's
    mov rax, [rsp + 8]
    mov [rax + registers.rcx], rcx
    mov [rax + registers.rdx], rdx
    mov [rax + registers.rbx], rbx
    mov [rax + registers.rbp], rbp
    mov [rax + registers.rsi], rsi
    mov [rax + registers.rdi], rdi
    mov [rax + registers.r8],  r8
    mov [rax + registers.r9],  r9
    mov [rax + registers.r10], r10
    mov [rax + registers.r11], r11
    mov [rax + registers.r12], r12
    mov [rax + registers.r13], r13
    mov [rax + registers.r14], r14
    mov [rax + registers.r15], r15
    mov rdi, rax
    pop rsi
    mov rax, [rsi + VMCB_RAX]
    mov [rdi + registers.rax], rax
    mov rax, [rdi + registers.host]
    vmload                      ; this core's own GS base and TR
    cli
    stgi
    pop rdi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
