// Puts a Linux guest's paging under stress and verifies all that it can see of it:
//
//   paging NAME SECONDS [SEED [PROCESSES]]
//
// NAME is that of a sub-test or `all`, SECONDS the time for each sub-test, SEED that of the pseudo-random numbers, a new
// one if it is missing or empty. PROCESSES, by default one, run at the same time, on one CPU after the other; under `all` each
// begins with another sub-test. Prints "seed N", then for each sub-test and process "NAME ok COUNT": how much was
// checked. What is wrong is told on standard error, and the exit status is 1.
//
// It has to be root, and needs /proc, a writable /tmp, and transparent large pages, which Linux has off where there is
// little memory. Those of hugetlbfs are used if some are reserved. The kernel must not move locked pages, which are not
// present while it does:
//
//   echo 0 >/proc/sys/vm/compact_unevictable_allowed; echo 16 >/proc/sys/vm/nr_hugepages
//   echo always >/sys/kernel/mm/transparent_hugepage/enabled
#define _GNU_SOURCE
#include "paging.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
  const char *name;
  unsigned long (*run)(void);
} tests[] = {
    {"fork", test_fork},     {"protect", test_protect},     {"large", test_large}, {"remap", test_remap},
    {"code", test_code},     {"tables", test_tables},       {"bits", test_bits},   {"files", test_files},
    {"exec", test_exec},     {"shootdown", test_shootdown},
};
enum { COUNT = sizeof tests / sizeof *tests, SECONDS_TO_HANG = 120 };

struct run run = {.name = "start"};

static void run_test(int index, double seconds) {
  run.name = tests[index].name;
  run.deadline = now() + (int64_t)(seconds * 1e6);
  alarm((unsigned)seconds + SECONDS_TO_HANG);
  unsigned long count = tests[index].run();
  alarm(0);
  printf("%s ok %lu\n", run.name, count);
  fflush(stdout);
}

// Each process begins with another sub-test.
static void run_process(int first, int number, double seconds) {
  run.cpu = number;
  run.seed += (uint64_t)number << 32;
  pin(0);
  install_fault_handler();
  if (first >= 0) {
    run_test(first, seconds);
  } else {
    for (int i = 0; i < COUNT; i++) run_test((i + number * 3) % COUNT, seconds);
  }
}

static void say_that_it_hangs(int signal) {
  (void)signal;
  fail("does not end");
}

static _Noreturn void show_usage(void) {
  fprintf(stderr, "usage: paging NAME|all SECONDS [SEED [PROCESSES]]\nNAME:");
  for (int i = 0; i < COUNT; i++) fprintf(stderr, " %s", tests[i].name);
  fprintf(stderr, "\n");
  exit(2);
}

int main(int count, char **arguments) {
  if (count == 4 && !strcmp(arguments[1], "be-executed"))
    be_executed(strtoull(arguments[2], NULL, 10), atoi(arguments[3]));
  if (count < 3 || count > 5) show_usage();
  int first = -1;
  for (int i = 0; i < COUNT; i++)
    if (!strcmp(arguments[1], tests[i].name)) first = i;
  if (first < 0 && strcmp(arguments[1], "all")) show_usage();
  double seconds = strtod(arguments[2], NULL);
  if (count > 3 && *arguments[3])
    run.seed = strtoull(arguments[3], NULL, 10);
  else if (getrandom(&run.seed, sizeof run.seed / 2, 0) < 0)
    fail_call("getrandom");
  int processes = count > 4 ? atoi(arguments[4]) : 1;
  printf("seed %lu\n", run.seed);
  fflush(stdout);

  signal(SIGALRM, say_that_it_hangs);
  for (int i = 1; i < processes; i++)
    if (!fork_child()) {
      run_process(first, i, seconds);
      exit(0);
    }
  run_process(first, 0, seconds);
  int status;
  while (wait(&status) > 0)
    if (status) return 1;
  return 0;
}
