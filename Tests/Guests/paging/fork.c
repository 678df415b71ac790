// Copy on write: a process that forks, its children and theirs all rewrite pages that they have inherited, at the same
// time, and each must see its own contents only.
#define _GNU_SOURCE
#include "paging.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 48, DEPTH = 2, CHILDREN = 3, REWRITES = 6, STEPS = 4 };

// Private, as the pages are.
static char *pages[PAGES];
static uint64_t keys[PAGES];

// Counts the processes of all generations.
static atomic_ulong *processes;

static void rewrite(struct random *random) {
  for (int i = 0; i < REWRITES; i++) {
    unsigned index = (unsigned)below(random, PAGES);
    check(pages[index], keys[index], "a page before it is rewritten");
    keys[index] = next(random);
    fill(pages[index], keys[index]);
  }
}

static void check_all(const char *what) {
  for (int i = 0; i < PAGES; i++) check(pages[i], keys[i], what);
}

static void live(int depth, struct random *random) {
  pid_t children[CHILDREN];
  int count = depth ? CHILDREN : 0;
  atomic_fetch_add(processes, 1);
  for (int i = 0; i < count; i++) {
    struct random theirs = {next(random)};
    children[i] = fork_child();
    if (children[i] == 0) {
      check_all("a page as it was inherited");
      live(depth - 1, &theirs);
      _exit(0);
    }
    rewrite(random);
  }
  for (int i = 0; i < STEPS; i++) rewrite(random);
  check_all("a page of one's own");
  for (int i = 0; i < count; i++) wait_for(children[i], 0);
  check_all("a page after the children's end");
}

unsigned long test_fork(void) {
  struct random random = make_random(1);
  processes = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
  do {
    // Once in a while the pages are parts of a large one.
    bool isLarge = below(&random, 4) == 0;
    size_t stride = isLarge ? LARGE_PAGE / PAGES & -PAGE : PAGE;
    char *memory = map_small_pages(LARGE_PAGE, LARGE_PAGE);
    if (isLarge) advise(memory, LARGE_PAGE, MADV_HUGEPAGE);
    for (int i = 0; i < PAGES; i++) {
      pages[i] = memory + (size_t)i * stride;
      fill(pages[i], keys[i] = next(&random));
    }
    live(DEPTH, &random);
    unmap(memory, LARGE_PAGE);
  } while (time_is_left());
  return atomic_load(processes);
}
