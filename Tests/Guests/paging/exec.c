// New programs in processes' places: by vfork and by fork, several at a time, and each executes itself once more. Each
// has to find what the program's file says and nothing of what was there before.
#define _GNU_SOURCE
#include "paging.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { AT_A_TIME = 4, DEPTH = 2, STATUSES = 100 };

static const char self[] = "/proc/self/exe";
static const uint64_t constants[WORDS] = {[0 ... WORDS - 1] = 0x0123456789ABCDEF};
static uint64_t initialized[4 * WORDS] = {[0 ... 4 * WORDS - 1] = 0xFEDCBA9876543210};
static uint64_t empty[4 * WORDS];

static void expect_words(const uint64_t *words, size_t count, uint64_t expected, const char *what) {
  for (size_t i = 0; i < count; i++) {
    uint64_t found = *(const volatile uint64_t *)&words[i];
    if (found != expected)
      fail("%s: address %p: expected %#lx, found %#lx", what, (void *)&words[i], expected, found);
  }
}

// What the last of the programs ends with.
static int status_for(uint64_t seed) {
  struct random random = {seed};
  return 1 + (int)below(&random, STATUSES);
}

static _Noreturn void execute(uint64_t seed, int depth) {
  char seedText[24], depthText[12];
  snprintf(seedText, sizeof seedText, "%lu", seed);
  snprintf(depthText, sizeof depthText, "%d", depth);
  char *const arguments[] = {"paging", "be-executed", seedText, depthText, NULL}, *const environment[] = {NULL};
  execve(self, arguments, environment);
  _exit(127);
}

void be_executed(uint64_t seed, int depth) {
  run.name = "exec";
  run.seed = seed;
  install_fault_handler();
  expect_words(constants, WORDS, 0x0123456789ABCDEF, "a constant of a new program");
  expect_words(initialized, 4 * WORDS, 0xFEDCBA9876543210, "a variable of a new program");
  expect_words(empty, 4 * WORDS, 0, "a variable of a new program");
  char *memory = map(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  expect_words((uint64_t *)memory, 4 * WORDS, 0, "new memory of a new program");
  const char *what = "a write to a constant";
  expect_fault(try_write((void *)constants, 0), constants, SIGSEGV, SEGV_ACCERR, USER | WRITE | PRESENT, what);
  for (int i = 0; i < 4; i++) {
    fill(&initialized[i * WORDS], seed);
    fill(&empty[i * WORDS], seed);
    fill(memory + i * PAGE, seed);
  }
  if (depth) execute(seed, depth - 1);
  _exit(status_for(seed));
}

unsigned long test_exec(void) {
  struct random random = make_random(10);
  unsigned long count = 0;
  do {
    pid_t children[AT_A_TIME];
    uint64_t seeds[AT_A_TIME];
    for (int i = 0; i < AT_A_TIME; i++) {
      static volatile uint64_t mark;
      uint64_t seed = seeds[i] = next(&random);
      bool sharesMemory = below(&random, 2);
      mark = 0;
      children[i] = sharesMemory ? vfork() : fork_child();
      if (children[i] == 0) {
        mark = seed;
        execute(seed, DEPTH);
      }
      if (children[i] < 0) fail_call("vfork");
      uint64_t expected = sharesMemory ? seed : 0, found = mark;
      if (found != expected)
        fail("a child's write: address %p: expected %#lx, found %#lx", (void *)&mark, expected, found);
    }
    for (int i = 0; i < AT_A_TIME; i++) {
      wait_for(children[i], status_for(seeds[i]));
      count += 1 + DEPTH;
    }
  } while (time_is_left());
  return count;
}
