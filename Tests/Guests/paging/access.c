// Accesses that may fault: each is one instruction, after which execution goes on whether it faulted or not.
#define _GNU_SOURCE
#include "paging.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>

enum { PAGE_FAULT = 14 };

// Of the access that a thread is about to make.
static _Thread_local struct attempt {
  uintptr_t resume;  // where to go on; 0 while no fault is expected
  uintptr_t stack;   // the stack pointer there; 0 where the access does not change it
  struct outcome outcome;
} attempt;

static void handle(int signal, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  uintptr_t address = (uintptr_t)info->si_addr;
  unsigned long error = (unsigned long)registers[REG_ERR];
  if (!attempt.resume || registers[REG_TRAPNO] != PAGE_FAULT)
    fail("unexpected signal %d, code %d, address %#lx, exception %lld, error code %#lx, instruction at %#llx", signal,
         info->si_code, address, registers[REG_TRAPNO], error, registers[REG_RIP]);
  attempt.outcome = (struct outcome){true, signal, info->si_code, address, error, 0};
  registers[REG_RIP] = (greg_t)attempt.resume;
  if (attempt.stack) registers[REG_RSP] = (greg_t)attempt.stack;
}

void install_fault_handler(void) {
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
  const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
    if (sigaction(signals[i], &action, NULL)) fail_call("sigaction");
}

static struct outcome finish(uint64_t value) {
  attempt.resume = attempt.stack = 0;
  if (!attempt.outcome.faulted) attempt.outcome.value = value;
  return attempt.outcome;
}

struct outcome try_read(const void *address) {
  uint64_t value = 0;
  attempt.outcome.faulted = false;
  __asm__ volatile(
      "leaq 1f(%%rip), %%rcx\n\t"
      "movq %%rcx, (%[resume])\n\t"
      "movq (%[address]), %[value]\n"
      "1:"
      : [value] "+&r"(value)
      : [resume] "r"(&attempt.resume), [address] "r"(address)
      : "rcx", "memory");
  return finish(value);
}

struct outcome try_write(void *address, uint64_t value) {
  attempt.outcome.faulted = false;
  __asm__ volatile(
      "leaq 1f(%%rip), %%rcx\n\t"
      "movq %%rcx, (%[resume])\n\t"
      "movq %[value], (%[address])\n"
      "1:"
      :
      : [resume] "r"(&attempt.resume), [address] "r"(address), [value] "r"(value)
      : "rcx", "memory");
  return finish(0);
}

struct outcome try_execute(const void *address) {
  uint64_t value = 0;
  attempt.outcome.faulted = false;
  __asm__ volatile(
      "leaq -128(%%rsp), %%rsp\n\t"
      "movq %%rsp, 8(%[resume])\n\t"
      "leaq 1f(%%rip), %%rcx\n\t"
      "movq %%rcx, (%[resume])\n\t"
      "callq *%[address]\n"
      "1:\n\t"
      "leaq 128(%%rsp), %%rsp"
      : "+&a"(value)
      : [resume] "r"(&attempt), [address] "r"(address)
      : "rcx", "memory", "cc");
  return finish(value);
}
_Static_assert(offsetof(struct attempt, stack) == 8, "the assembly relies on it");

void expect_value(struct outcome outcome, const void *address, uint64_t value, const char *what) {
  if (outcome.faulted)
    fail("%s: address %p: expected %#lx, found a fault at %#lx: signal %d, code %d, error code %#lx", what, address,
         value, outcome.address, outcome.signal, outcome.code, outcome.error);
  if (outcome.value != value)
    fail("%s: address %p: expected %#lx, found %#lx", what, address, value, outcome.value);
}

void expect_fault(
    struct outcome outcome, const void *address, int signal, int code, unsigned long error, const char *what) {
  if (!outcome.faulted)
    fail("%s: address %p: expected a fault with error code %#lx, found %#lx", what, address, error, outcome.value);
  if (outcome.address != (uintptr_t)address || outcome.signal != signal || outcome.code != code
      || outcome.error != error)
    fail("%s: address %p: expected signal %d, code %d, error code %#lx, found signal %d, code %d, error code %#lx at "
         "%#lx",
         what, address, signal, code, error, outcome.signal, outcome.code, outcome.error, outcome.address);
}

void expect_hole(void *address, const char *what) {
  expect_fault(try_read(address), address, SIGSEGV, SEGV_MAPERR, USER, what);
  expect_fault(try_write(address, 0), address, SIGSEGV, SEGV_MAPERR, USER | WRITE, what);
}

uint64_t function_returning(uint32_t value) {
  // mov eax, value; ret
  return 0xB8 | (uint64_t)value << 8 | (uint64_t)0xC3 << 40;
}
