// What the processor, or who stands in for it, tells the kernel of accesses: accessed and dirty bits, and the first
// write after pages were marked clean, as the kernel shows them in /proc and relies on them itself.
#define _GNU_SOURCE
#include "paging.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 64, ROUNDS_OF_WRITES = 3 };

static int pagemap;

static void clear_references(const char *which) {
  int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, which, strlen(which)) < 0) fail_call("/proc/self/clear_refs");
  close(file);
}

static void read_entries(const char *memory, uint64_t entries[PAGES]) {
  ssize_t length = PAGES * sizeof *entries;
  off_t offset = (off_t)((uintptr_t)memory / PAGE * sizeof *entries);
  if (pread(pagemap, entries, (size_t)length, offset) != length) fail_call("/proc/self/pagemap");
}

// Bit 55 of a page's entry: it was written since the bits were cleared.
static bool is_soft_dirty(uint64_t entry) { return entry >> 55 & 1; }

static void check_soft_dirty(struct random *random) {
  char *memory = map_small_pages(PAGES * PAGE, PAGE);
  bool isDirty[PAGES] = {false};
  uint64_t entries[PAGES];
  int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  if (zero < 0) fail_call("/dev/zero");
  for (int i = 0; i < PAGES; i++) fill(memory + i * PAGE, (unsigned)i);
  clear_references("4");
  for (int round = 0; round < ROUNDS_OF_WRITES; round++) {
    for (int i = 0; i < PAGES; i++) {
      char *page = memory + i * PAGE;
      switch (below(random, 8)) {
        case 0: *(volatile char *)(page + below(random, PAGE)) = 1; break;
        case 1:
          if (read(zero, page, 8) != 8) fail_call("read");
          break;
        default: (void)*(volatile char *)(page + below(random, PAGE)); continue;
      }
      isDirty[i] = true;
    }
    read_entries(memory, entries);
    for (int i = 0; i < PAGES; i++)
      if (is_soft_dirty(entries[i]) != isDirty[i])
        fail("the soft-dirty bit of address %p: expected %d, found pagemap entry %#lx", (void *)(memory + i * PAGE),
             isDirty[i], entries[i]);
  }
  close(zero);
  unmap(memory, PAGES * PAGE);
}

// With such bits, all new pages are soft-dirty.
static bool has_soft_dirty(void) {
  char *memory = map_small_pages(PAGES * PAGE, PAGE);
  uint64_t entries[PAGES];
  *memory = 1;
  read_entries(memory, entries);
  unmap(memory, PAGES * PAGE);
  return is_soft_dirty(entries[0]);
}

// Pages that are free to go unless their dirty bit says that they were written since. Returns how many have gone.
static unsigned long check_dirty(struct random *random) {
  char *memory = map_small_pages(PAGES * PAGE, PAGE);
  uint64_t keys[PAGES];
  bool isWritten[PAGES];
  unsigned long gone = 0;
  for (int i = 0; i < PAGES; i++) fill(memory + i * PAGE, keys[i] = next(random));
  advise(memory, PAGES * PAGE, MADV_FREE);
  for (int i = 0; i < PAGES; i++) {
    isWritten[i] = below(random, 2);
    // With the translation that a read leaves behind, or none.
    if (below(random, 2)) (void)*(volatile char *)(memory + i * PAGE);
    if (isWritten[i]) fill(memory + i * PAGE, keys[i] = next(random));
  }
  advise(memory, PAGES * PAGE, MADV_PAGEOUT);
  for (int i = 0; i < PAGES; i++) {
    const volatile uint64_t *page = (const volatile uint64_t *)(memory + i * PAGE);
    if (!isWritten[i] && *page == 0) {
      check_zero(memory + i * PAGE, "a page that was free to go");
      gone++;
    } else {
      check(memory + i * PAGE, keys[i], "a page that was written after it was free to go");
    }
  }
  unmap(memory, PAGES * PAGE);
  return gone;
}

// The kernel clears the bits without a flush, as it may: the change of protection brings one.
static void check_accessed(struct random *random) {
  char *used = map_small_pages(PAGES * PAGE, PAGE), *idle = map_small_pages((PAGES + 1) * PAGE, PAGE);
  unmap(idle + PAGES * PAGE, PAGE);
  lock(used, PAGES * PAGE);
  lock(idle, PAGES * PAGE);
  for (int i = 0; i < PAGES; i++) {
    fill(used + i * PAGE, (unsigned)i);
    fill(idle + i * PAGE, (unsigned)i);
  }
  clear_references("1");
  protect(used, PAGES * PAGE, PROT_READ);
  protect(idle, PAGES * PAGE, PROT_READ);
  protect(used, PAGES * PAGE, PROT_READ | PROT_WRITE);
  protect(idle, PAGES * PAGE, PROT_READ | PROT_WRITE);
  unsigned long touched = 0;
  for (int i = 0; i < PAGES; i++) {
    uint64_t choice = below(random, 6);
    if (choice > 1) continue;
    volatile char *byte = used + i * PAGE + below(random, PAGE);
    if (choice == 0)
      *byte = 1;
    else
      (void)*byte;
    touched += PAGE >> 10;
  }
  unsigned long found = mapped_kilobytes(used, PAGES * PAGE, "Referenced:");
  // Processors may look ahead.
  if (found < touched || found > 2 * touched)
    fail("accessed pages at %p: expected %lu kB, found %lu kB", (void *)used, touched, found);
  found = mapped_kilobytes(idle, PAGES * PAGE, "Referenced:");
  if (found) fail("accessed pages at %p: expected none, found %lu kB", (void *)idle, found);
  unmap(used, PAGES * PAGE);
  unmap(idle, PAGES * PAGE);
}

unsigned long test_bits(void) {
  struct random random = make_random(8);
  pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0) fail_call("/proc/self/pagemap");
  bool hasSoftDirty = has_soft_dirty();
  if (!hasSoftDirty) note("the kernel has no soft-dirty bits");
  unsigned long count = 0, gone = 0;
  do {
    if (hasSoftDirty) check_soft_dirty(&random);
    gone += check_dirty(&random);
    check_accessed(&random);
    count += (ROUNDS_OF_WRITES + 2) * PAGES;
  } while (time_is_left());
  if (!gone) fail("the kernel has taken none of the pages that were free to go");
  close(pagemap);
  return count;
}
