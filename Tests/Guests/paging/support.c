#define _GNU_SOURCE
#include "paging.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...) {
  char text[600];
  int length = snprintf(text, sizeof text, "paging: %s: ", run.name);
  va_list arguments;
  va_start(arguments, format);
  length += vsnprintf(text + length, sizeof text - 100 - (size_t)length, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof text - 100) length = sizeof text - 101;
  length += snprintf(text + length, 100, " (process %d, seed %lu)\n", getpid(), run.seed);
  // In one piece; there is nothing to be done if it fails.
  if (write(STDERR_FILENO, text, (size_t)length) < 0) _exit(3);
  _exit(1);
}

void fail_call(const char *what) { fail("%s: %s", what, strerror(errno)); }

void note(const char *text) { fprintf(stderr, "paging: %s: %s\n", run.name, text); }

int64_t now(void) {
  struct timespec time;
  if (clock_gettime(CLOCK_MONOTONIC, &time)) fail_call("clock_gettime");
  return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

bool time_is_left(void) { return now() < run.deadline; }

int cpu_count(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }

void pin(int index) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((run.cpu + index) % cpu_count(), &set);
  if (sched_setaffinity(0, sizeof set, &set)) fail_call("sched_setaffinity");
}

static uint64_t mix(uint64_t value) {
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
  value = (value ^ value >> 27) * 0x94D049BB133111EB;
  return value ^ value >> 31;
}

struct random make_random(uint64_t stream) { return (struct random){mix(run.seed ^ mix(stream))}; }

uint64_t next(struct random *random) { return mix(random->state += 0x9E3779B97F4A7C15); }

uint64_t below(struct random *random, uint64_t bound) { return next(random) % bound; }

void *map_file(void *address, size_t length, int protection, int flags, int file, off_t offset) {
  void *result = mmap(address, length, protection, flags, file, offset);
  if (result == MAP_FAILED) fail_call("mmap");
  return result;
}

void *map(void *address, size_t length, int protection, int flags) {
  return map_file(address, length, protection, flags | MAP_ANONYMOUS, -1, 0);
}

void unmap(void *address, size_t length) {
  if (munmap(address, length)) fail_call("munmap");
}

void protect(void *address, size_t length, int protection) {
  if (mprotect(address, length, protection)) fail_call("mprotect");
}

void advise(void *address, size_t length, int advice) {
  if (madvise(address, length, advice)) fail("madvise %d: %s", advice, strerror(errno));
}

void lock(void *address, size_t length) {
  if (mlock2(address, length, MLOCK_ONFAULT)) fail_call("mlock2");
}

char *map_small_pages(size_t length, size_t aligned) {
  char *memory = map(NULL, length + aligned, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
  char *start = (char *)(((uintptr_t)memory + aligned - 1) & -aligned);
  if (start > memory) unmap(memory, (size_t)(start - memory));
  unmap(start + length, (size_t)(memory + aligned - start));
  advise(start, length, MADV_NOHUGEPAGE);
  return start;
}

pid_t fork_child(void) {
  pid_t parent = getpid(), child = fork();
  if (child < 0) fail_call("fork");
  if (child == 0) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL)) fail_call("prctl");
    if (getppid() != parent) _exit(1);
  }
  return child;
}

void wait_for(pid_t child, int expected) {
  int status;
  if (waitpid(child, &status, 0) != child) fail_call("waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
    fail("child %d: expected exit status %d, found wait status %#x", child, expected, status);
}

unsigned long mapped_kilobytes(const void *memory, size_t length, const char *name) {
  FILE *file = fopen("/proc/self/smaps", "re");
  if (!file) fail_call("/proc/self/smaps");
  char line[512], label[64];
  uintptr_t start, end, first = (uintptr_t)memory;
  unsigned long value, sum = 0;
  bool isInside = false;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
      isInside = first < end && start < first + length;
    else if (isInside && sscanf(line, "%63s %lu kB", label, &value) == 2 && !strcmp(label, name))
      sum += value;
  }
  fclose(file);
  return sum;
}

static uint64_t word(uint64_t key, unsigned index) { return key + index * 0x9E3779B97F4A7C15; }

void fill(void *page, uint64_t key) {
  volatile uint64_t *words = page;
  for (unsigned i = 0; i < WORDS; i++) words[i] = word(key, i);
}

void check(const void *page, uint64_t key, const char *what) {
  const volatile uint64_t *words = page;
  for (unsigned i = 0; i < WORDS; i++) {
    uint64_t found = words[i];
    if (found != word(key, i))
      fail("%s: address %p: expected %#lx, found %#lx", what, (void *)&words[i], word(key, i), found);
  }
}

void check_zero(const void *page, const char *what) {
  const volatile uint64_t *words = page;
  for (unsigned i = 0; i < WORDS; i++) {
    uint64_t found = words[i];
    if (found) fail("%s: address %p: expected 0, found %#lx", what, (void *)&words[i], found);
  }
}
