// The CPUs of a Linux guest, for programs that pin a thread to each.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_CPUS = 256, PAGE = 4096 };

struct cpu {
  int number;
  unsigned node;
};

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set)) fail("sched_setaffinity");
}

// Lists the CPUs that this process may run on, their NUMA nodes in turn: the first of each node, the second of each…
static int list_cpus(struct cpu *cpus) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed)) fail("sched_getaffinity");
  int count = 0, ranks[MOST_CPUS];
  for (int number = 0; number < CPU_SETSIZE && count < MOST_CPUS; number++) {
    if (!CPU_ISSET(number, &allowed)) continue;
    unsigned current, node;
    pin_to(number);
    if (syscall(SYS_getcpu, &current, &node, NULL)) fail("getcpu");
    if ((int)current != number) {
      fprintf(stderr, "pinned to CPU %d, but on CPU %u\n", number, current);
      exit(2);
    }
    int rank = 0, place = count++;
    for (int other = 0; other < place; other++) rank += cpus[other].node == node;
    for (; place > 0 && ranks[place - 1] > rank; place--) {
      cpus[place] = cpus[place - 1];
      ranks[place] = ranks[place - 1];
    }
    cpus[place] = (struct cpu){number, node};
    ranks[place] = rank;
  }
  if (sched_setaffinity(0, sizeof allowed, &allowed)) fail("sched_setaffinity");
  return count;
}

// Runs `run` with 0, 1, … `count` - 1 as its argument, each in a thread of its own, to the end of all.
static inline void run_threads(int count, void *(*run)(void *)) {
  pthread_t threads[MOST_CPUS];
  for (intptr_t i = 0; i < count; i++)
    if (pthread_create(&threads[i], NULL, run, (void *)i)) fail("pthread_create");
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

// A barrier in plain memory: nobody sleeps in it, and the kernel has no part in it.
static struct {
  _Alignas(PAGE) atomic_uint arrived;
  _Alignas(PAGE) atomic_uint round;
} meeting;

static inline void meet(unsigned count) {
  unsigned round = atomic_load(&meeting.round);
  if (atomic_fetch_add(&meeting.arrived, 1) == count - 1) {
    atomic_store(&meeting.arrived, 0);
    atomic_store(&meeting.round, round + 1);
  } else {
    while (atomic_load(&meeting.round) == round) __builtin_ia32_pause();
  }
}
