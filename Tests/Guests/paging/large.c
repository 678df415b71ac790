// Large pages, transparent and of hugetlbfs: parts of them change protection, go away, are emptied and copied, which
// splits them, and MADV_COLLAPSE and khugepaged put them together again, while the rest has to stay as it is.
#define _GNU_SOURCE
#include "paging.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { LENGTH = 2 * LARGE_PAGE, SMALL_PAGES = LENGTH / PAGE, PROBES = 24, STEPS = 12 };

enum state { KEYED, EMPTY, READ_ONLY, CLOSED, UNMAPPED };

static char *memory;
static struct page {
  enum state state;
  uint64_t key;  // 0: all zero
} pages[SMALL_PAGES];

static void check_contents(const struct page *page, const char *address, const char *what) {
  if (page->key)
    check(address, page->key, what);
  else
    check_zero(address, what);
}

static void check_page(unsigned index) {
  struct page *page = &pages[index];
  char *address = memory + (size_t)index * PAGE;
  switch (page->state) {
    case KEYED:
    case EMPTY: check_contents(page, address, "a part of a large page"); break;
    case READ_ONLY: {
      check_contents(page, address, "a part that is read-only");
      // Its contents were read, and so it is present.
      const char *what = "a write to a part that is read-only";
      expect_fault(try_write(address, 0), address, SIGSEGV, SEGV_ACCERR, USER | WRITE | PRESENT, what);
      break;
    }
    case CLOSED:
      expect_fault(try_read(address), address, SIGSEGV, SEGV_ACCERR, USER, "a read of a part without access");
      break;
    case UNMAPPED: expect_hole(address, "a part that is not mapped"); break;
  }
}

static void set_state(unsigned first, unsigned count, enum state state) {
  for (unsigned i = first; i < first + count; i++) pages[i].state = state;
}

static void restore(unsigned first, unsigned count) {
  for (unsigned i = first; i < first + count; i++) {
    char *address = memory + (size_t)i * PAGE;
    if (pages[i].state <= EMPTY) continue;
    if (pages[i].state == UNMAPPED) {
      map(address, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED);
      advise(address, PAGE, MADV_HUGEPAGE);
      pages[i].key = 0;
    } else {
      if (munlock(address, PAGE)) fail_call("munlock");
      protect(address, PAGE, PROT_READ | PROT_WRITE);
    }
    pages[i].state = pages[i].key ? KEYED : EMPTY;
  }
}

static void rewrite(unsigned index, struct random *random) {
  if (pages[index].state > EMPTY) return;
  pages[index].key = next(random);
  pages[index].state = KEYED;
  fill(memory + (size_t)index * PAGE, pages[index].key);
}

static void let_child_write(struct random *random) {
  pid_t child = fork_child();
  unsigned first = (unsigned)below(random, SMALL_PAGES - 8);
  if (child == 0) {
    for (unsigned i = first; i < first + 8; i++) {
      check_page(i);
      rewrite(i, random);
      check_page(i);
    }
    _exit(0);
  }
  for (unsigned i = first + 4; i < first + 8; i++) rewrite(i, random);
  wait_for(child, 0);
  for (unsigned i = first; i < first + 8; i++) check_page(i);
  next(random);
}

static void change(struct random *random) {
  unsigned first = (unsigned)below(random, SMALL_PAGES), count = 1 + (unsigned)below(random, 40);
  if (first + count > SMALL_PAGES) count = SMALL_PAGES - first;
  char *address = memory + (size_t)first * PAGE;
  size_t length = (size_t)count * PAGE;
  switch (below(random, 6)) {
    case 0:
      restore(first, count);
      protect(address, length, PROT_READ);
      lock(address, length);
      set_state(first, count, READ_ONLY);
      break;
    case 1:
      restore(first, count);
      protect(address, length, PROT_NONE);
      set_state(first, count, CLOSED);
      break;
    case 2:
      unmap(address, length);
      set_state(first, count, UNMAPPED);
      break;
    case 3:
      restore(first, count);
      advise(address, length, MADV_DONTNEED);
      for (unsigned i = first; i < first + count; i++) pages[i] = (struct page){EMPTY, 0};
      break;
    case 4:
      for (unsigned i = first; i < first + count; i++) rewrite(i, random);
      break;
    case 5: let_child_write(random); break;
  }
  for (unsigned i = first; i < first + count; i++) check_page(i);
}

static bool is_whole(void) { return mapped_kilobytes(memory, LENGTH, "AnonHugePages:") == LENGTH >> 10; }

// Whether the whole is made of large pages afterwards. It cannot be if it has become several mappings.
static bool collapse(void) {
  restore(0, SMALL_PAGES);
  if (madvise(memory, LENGTH, MADV_COLLAPSE)) {
    // Kernels before 6.1 cannot do it, others where memory is short or somebody looks at a page at the moment.
    if (errno != EINVAL && errno != EAGAIN && errno != ENOMEM && errno != EBUSY) fail_call("MADV_COLLAPSE");
    return false;
  }
  return is_whole();
}

// Two mappings of the same large pages, if hugetlbfs has some.
static bool check_hugetlb(struct random *random) {
  int file = memfd_create("large", MFD_HUGETLB);
  if (file < 0) return false;
  if (ftruncate(file, LARGE_PAGE)) fail_call("ftruncate");
  char *one = mmap(NULL, LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (one == MAP_FAILED) {
    close(file);
    return false;
  }
  char *other = map_file(NULL, LARGE_PAGE, PROT_READ, MAP_SHARED, file, 0);
  for (int i = 0; i < PROBES; i++) {
    size_t offset = below(random, LARGE_PAGE / PAGE) * PAGE;
    uint64_t key = next(random);
    fill(one + offset, key);
    check(other + offset, key, "a page of hugetlbfs by its second address");
    char *address = other + offset;
    const char *what = "a write to hugetlbfs by a read-only address";
    expect_fault(try_write(address, 0), address, SIGSEGV, SEGV_ACCERR, USER | WRITE | PRESENT, what);
  }
  uint64_t key = next(random);
  fill(one, key);
  protect(one, LARGE_PAGE, PROT_NONE);
  expect_fault(try_read(one + 8), one + 8, SIGSEGV, SEGV_ACCERR, USER, "hugetlbfs without access");
  protect(one, LARGE_PAGE, PROT_READ | PROT_WRITE);
  check(one, key, "hugetlbfs after its protection");
  unmap(one, LARGE_PAGE);
  expect_hole(one + LARGE_PAGE / 2, "a mapping of hugetlbfs that is gone");
  check(other, key, "what the other address of hugetlbfs shows");
  unmap(other, LARGE_PAGE);
  close(file);
  return true;
}

static unsigned long number_in(const char *path) {
  FILE *file = fopen(path, "r");
  unsigned long number = 0;
  if (file && fscanf(file, "%lu", &number) != 1) number = 0;
  if (file) fclose(file);
  return number;
}

unsigned long test_large(void) {
  struct random random = make_random(3);
  unsigned long rounds = 0, count = 0, whole = 0, collapsed = 0, hugetlb = 0;
  do {
    // Made of small ones and large from the start, by turns.
    bool isSmall = rounds++ % 2;
    memory = map_small_pages(LENGTH, LARGE_PAGE);
    if (!isSmall) advise(memory, LENGTH, MADV_HUGEPAGE);
    memset(pages, 0, sizeof pages);
    set_state(0, SMALL_PAGES, EMPTY);
    for (int i = 0; i < PROBES; i++) rewrite((unsigned)below(&random, SMALL_PAGES), &random);
    if (isSmall) {
      advise(memory, LENGTH, MADV_HUGEPAGE);
      collapsed += collapse();
    } else {
      whole += is_whole();
    }
    for (int i = 0; i < STEPS; i++) change(&random);
    for (unsigned i = 0; i < SMALL_PAGES; i++) check_page(i);
    collapse();
    for (unsigned i = 0; i < SMALL_PAGES; i++) check_page(i);
    change(&random);
    change(&random);
    unmap(memory, LENGTH);
    expect_hole(memory + below(&random, SMALL_PAGES) * PAGE, "a large page that is gone");
    hugetlb += check_hugetlb(&random);
    count += 2 * SMALL_PAGES;
  } while (rounds < 2 || time_is_left());
  if (!whole) fail("the kernel has given no transparent large page");
  if (!collapsed) fail("the kernel has collapsed nothing to large pages");
  if (!hugetlb && number_in("/proc/sys/vm/nr_hugepages")) fail("hugetlbfs has given no page");
  return count;
}
