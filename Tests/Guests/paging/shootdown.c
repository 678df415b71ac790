// Shootdowns: one thread changes a mapping while others, on other CPUs, read and write there. Once the system call has
// returned, nobody may get at the mapping as it was before.
//
// Each page has words for each watcher to write, and one that says which mapping it belongs to.
#define _GNU_SOURCE
#include "paging.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 4, STRIDE = 37 * PAGE, LENGTH = LARGE_PAGE, FILES = 2, CHANGES = 10, IDENTITY = 100 };
enum state { WRITABLE, READ_ONLY, CLOSED, UNMAPPED };

static char *target, *reuse;
static struct stage stage;
static _Alignas(64) atomic_ulong identity;
static int files[FILES];
static uint64_t identities[FILES];

static uint64_t *page(int number) { return (uint64_t *)(target + number * STRIDE); }

static void watch(int index, struct random *random) {
  uint64_t *start = page((int)below(random, PAGES)), *mine = start + 8 * (index + 1);
  bool isWrite = below(random, 2);
  uint64_t value = next(random);

  unsigned long before = current(&stage);
  struct outcome outcome = isWrite ? try_write(mine, value) : try_read(start + IDENTITY);
  struct outcome readBack = try_read(mine);
  uint64_t expected = atomic_load(&identity);
  unsigned long after = current(&stage);
  if (before != after || !is_settled(before)) return;

  unsigned state = state_of(before);
  void *address = isWrite ? mine : start + IDENTITY;
  unsigned long kind = USER | (isWrite ? WRITE : 0);
  if (state == CLOSED) {
    expect_fault(outcome, address, SIGSEGV, SEGV_ACCERR, kind, "a mapping that is closed at the moment");
  } else if (state == UNMAPPED) {
    expect_fault(outcome, address, SIGSEGV, SEGV_MAPERR, kind, "a mapping that is gone at the moment");
  } else if (!isWrite) {
    expect_value(outcome, address, expected, "which mapping it is at the moment");
  } else if (state == READ_ONLY) {
    kind |= PRESENT;
    expect_fault(outcome, address, SIGSEGV, SEGV_ACCERR, kind, "a mapping that is read-only at the moment");
  } else {
    expect_value(outcome, address, 0, "a write to a mapping that is writable at the moment");
    expect_value(readBack, address, value, "what was just written");
  }
}

static void compare(const uint64_t snapshot[PAGES][WORDS], const char *what) {
  for (int i = 0; i < PAGES; i++)
    for (int n = 0; n < WORDS; n++) {
      uint64_t found = *(volatile uint64_t *)(page(i) + n);
      if (found != snapshot[i][n])
        fail("%s: address %p: expected %#lx, found %#lx", what, (void *)(page(i) + n), snapshot[i][n], found);
    }
}

static void take(uint64_t snapshot[PAGES][WORDS]) {
  for (int i = 0; i < PAGES; i++) memcpy(snapshot[i], page(i), PAGE);
}

static void make_read_only(void) {
  static uint64_t snapshot[PAGES][WORDS];
  begin_change(&stage);
  protect(target, LENGTH, PROT_READ);
  take(snapshot);
  end_change(&stage, READ_ONLY);
  wait_for_watchers();
  compare(snapshot, "a write after the mapping had become read-only");
  begin_change(&stage);
  protect(target, LENGTH, PROT_READ | PROT_WRITE);
  end_change(&stage, WRITABLE);
}

static void close_it(void) {
  static uint64_t snapshot[PAGES][WORDS];
  begin_change(&stage);
  protect(target, LENGTH, PROT_READ);
  take(snapshot);
  protect(target, LENGTH, PROT_NONE);
  end_change(&stage, CLOSED);
  wait_for_watchers();
  begin_change(&stage);
  protect(target, LENGTH, PROT_READ);
  compare(snapshot, "a write while the mapping was closed");
  protect(target, LENGTH, PROT_READ | PROT_WRITE);
  end_change(&stage, WRITABLE);
}

// Ends with a change begun. Of a fresh mapping all words but the watchers' are zero.
static void map_afresh(struct random *random) {
  map(target, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED);
  advise(target, LENGTH, below(random, 3) ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
  lock(target, LENGTH);
  uint64_t value = next(random);
  atomic_store(&identity, value);
  for (int i = 0; i < PAGES; i++) {
    for (int n = 0; n < WORDS; n++) {
      uint64_t found = *(volatile uint64_t *)(page(i) + n);
      bool isWatchers = n % 8 == 0 && n / 8 >= 1 && n / 8 <= MOST_WATCHERS;
      if (found && !isWatchers)
        fail("a mapping that is new: address %p: expected 0, found %#lx", (void *)(page(i) + n), found);
    }
    page(i)[IDENTITY] = value;
  }
}

// What is freed is given out again at once, and must not change.
static void unmap_and_reuse(struct random *random) {
  begin_change(&stage);
  unmap(target, LENGTH);
  end_change(&stage, UNMAPPED);
  map(reuse, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED);
  advise(reuse, LENGTH, below(random, 2) ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
  uint64_t key = next(random);
  for (int i = 0; i < PAGES; i++) fill(reuse + i * STRIDE, key + (unsigned)i);
  wait_for_watchers();
  for (int i = 0; i < PAGES; i++) check(reuse + i * STRIDE, key + (unsigned)i, "a page that took a freed one's place");
  map(reuse, LENGTH, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED);
  begin_change(&stage);
  map_afresh(random);
  end_change(&stage, WRITABLE);
}

static void replace(struct random *random) {
  for (int i = 0; i < 3; i++) {
    begin_change(&stage);
    unsigned n = (unsigned)below(random, FILES);
    map_file(target, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, files[n], 0);
    atomic_store(&identity, identities[n]);
    end_change(&stage, WRITABLE);
    wait_for_watchers();
  }
  begin_change(&stage);
  map_afresh(random);
  end_change(&stage, WRITABLE);
}

// After fork the watchers' writes make copies, and the child's pages stay.
static void fork_once(void) {
  static uint64_t snapshot[PAGES][WORDS];
  pid_t child = fork_child();
  if (child == 0) {
    take(snapshot);
    wait_for_watchers();
    compare(snapshot, "the parent's write in the child");
    _exit(0);
  }
  wait_for(child, 0);
}

static void make_files(struct random *random) {
  for (int i = 0; i < FILES; i++) {
    files[i] = memfd_create("shootdown", 0);
    if (files[i] < 0 || ftruncate(files[i], LENGTH)) fail_call("memfd_create");
    identities[i] = next(random);
    for (int n = 0; n < PAGES; n++) {
      off_t offset = n * STRIDE + IDENTITY * (off_t)sizeof *identities;
      if (pwrite(files[i], &identities[i], sizeof *identities, offset) != sizeof *identities) fail_call("pwrite");
    }
  }
}

unsigned long test_shootdown(void) {
  struct random random = make_random(7);
  make_files(&random);
  target = map_small_pages(LENGTH, LARGE_PAGE);
  reuse = map_small_pages(LENGTH, LARGE_PAGE);
  begin_change(&stage);
  map_afresh(&random);
  end_change(&stage, WRITABLE);
  start_watchers(watch);
  unsigned long count = 0;
  do {
    for (int i = 0; i < CHANGES; i++) {
      wait_for_watchers();
      switch (below(&random, 5)) {
        case 0: make_read_only(); break;
        case 1: close_it(); break;
        case 2: unmap_and_reuse(&random); break;
        case 3: replace(&random); break;
        case 4: fork_once(); break;
      }
      count++;
    }
  } while (time_is_left());
  stop_watchers();
  unmap(target, LENGTH);
  unmap(reuse, LENGTH);
  for (int i = 0; i < FILES; i++) close(files[i]);
  return count;
}
