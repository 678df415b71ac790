// Shows on a Linux guest what its two CPUs do together: `threads ADDITIONS HANDOFFS`.
//
// Two threads, each pinned to a CPU of its own, first add to two shared counters, one of them without a lock prefix.
// Then they hand a turn back and forth, spinning all the while: where one core runs both CPUs in turn, a turn changes
// hands once in a time slice, and where two cores run them, many times in a microsecond. Prints one line each:
//
//   cpus A B                 on which CPUs the threads were
//   sum N of N               the counter with the lock prefix, and what it has to be
//   plain N                  the other one
//   handoffs N in N us       turns, and the time they took
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { THREADS = 2, MICROSECONDS = 1000000 };

static unsigned long additions, handoffs;
static int cpus[THREADS];
static volatile unsigned long plain;
static int64_t began, ended;

// Each on a cache line of its own.
static _Alignas(64) atomic_ulong sum;
static _Alignas(64) atomic_ulong turn;
static _Alignas(64) atomic_int arrived;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  if (clock_gettime(CLOCK_MONOTONIC, &time)) fail("clock_gettime");
  return (int64_t)time.tv_sec * MICROSECONDS + time.tv_nsec / 1000;
}

// Both threads leave it together.
static void meet(int round) {
  atomic_fetch_add(&arrived, 1);
  while (atomic_load(&arrived) < round * THREADS) {}
}

static void *run(void *argument) {
  int self = (int)(intptr_t)argument;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(self, &set);
  if (sched_setaffinity(0, sizeof set, &set)) fail("sched_setaffinity");

  meet(1);
  for (unsigned long i = 0; i < additions; i++) {
    atomic_fetch_add(&sum, 1);
    plain++;
  }

  meet(2);
  if (self == 0) began = now();
  for (;;) {
    unsigned long current = atomic_load(&turn);
    if (current >= handoffs) break;
    if (current % THREADS == (unsigned long)self) atomic_store(&turn, current + 1);
  }
  if (self == 0) ended = now();
  cpus[self] = sched_getcpu();
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: threads ADDITIONS HANDOFFS\n");
    return 2;
  }
  additions = strtoul(arguments[1], NULL, 10);
  handoffs = strtoul(arguments[2], NULL, 10);
  pthread_t threads[THREADS];
  for (intptr_t i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, run, (void *)i)) fail("pthread_create");
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  printf("cpus %d %d\n", cpus[0], cpus[1]);
  printf("sum %lu of %lu\n", atomic_load(&sum), THREADS * additions);
  printf("plain %lu\n", plain);
  printf("handoffs %lu in %lld us\n", handoffs, (long long)(ended - began));
  return 0;
}
