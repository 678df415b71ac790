// The reuse of page tables: mappings of a few pages come and go all over the 47 bits of address space, so that their
// tables become data pages, and these tables. The data looks like page table entries that grant everything: who walks a
// table that is none any more finds something.
#define _GNU_SOURCE
#include "paging.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAPPINGS = 96, MOST_PAGES = 3, NEIGHBOURHOODS = 12, STEPS = 48, ENTRY_BITS = 0x67 };

static int pagemap;
static char *neighbourhoods[NEIGHBOURHOODS];
static struct mapping {
  char *start;
  int pages;  // 0: none
  uint64_t words[MOST_PAGES];
} mappings[MAPPINGS];

// An entry that leads to the page itself: present, writable, the user's, accessed and dirty. Without the right to know
// where the page is, to page 0.
static uint64_t entry_for(const void *page) {
  uint64_t entry;
  off_t offset = (off_t)((uintptr_t)page / PAGE * sizeof entry);
  if (pread(pagemap, &entry, sizeof entry, offset) != sizeof entry) fail_call("/proc/self/pagemap");
  return (entry & ((1UL << 55) - 1)) << 12 | ENTRY_BITS;
}

static void fill_with_entries(char *page, uint64_t entry) {
  volatile uint64_t *words = (volatile uint64_t *)page;
  for (int i = 0; i < WORDS; i++) words[i] = entry;
}

static void check_mapping(const struct mapping *mapping) {
  for (int i = 0; i < mapping->pages; i++) {
    const volatile uint64_t *words = (const volatile uint64_t *)(mapping->start + i * PAGE);
    for (int n = 0; n < WORDS; n++) {
      uint64_t found = words[n];
      if (found != mapping->words[i])
        fail("a page all of entries: address %p: expected %#lx, found %#lx", (void *)&words[n], mapping->words[i],
             found);
    }
  }
}

static bool is_mapped(const char *address) {
  for (int i = 0; i < MAPPINGS; i++) {
    const struct mapping *mapping = &mappings[i];
    if (mapping->start <= address && address < mapping->start + mapping->pages * PAGE) return true;
  }
  return false;
}

// Near a mapping that is or was, or in what tables above the lowest level span.
static void expect_holes_around(char *address, struct random *random) {
  for (unsigned shift = 12; shift <= 39; shift += 9) {
    char *other = (char *)((uintptr_t)address ^ (1 + below(random, 511)) << shift);
    if ((uintptr_t)other >= 1UL << 16 && (uintptr_t)other < 0x7E0000000000 && !is_mapped(other))
      expect_hole(other, "where nothing has ever been mapped, or no longer");
  }
}

static bool create(struct mapping *mapping, struct random *random) {
  int pages = 1 + (int)below(random, MOST_PAGES);
  // Anywhere below the stack and what the program itself has mapped, or near others.
  uintptr_t address = (1UL << 36) + below(random, 0x7D0000000000);
  if (below(random, 2)) address = (uintptr_t)neighbourhoods[below(random, NEIGHBOURHOODS)] + below(random, 2048) * PAGE;
  char *start = mmap((void *)(address & -PAGE), (size_t)pages * PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (start == MAP_FAILED) return false;
  mapping->start = start;
  mapping->pages = pages;
  for (int i = 0; i < pages; i++) {
    check_zero(start + i * PAGE, "a page that was just mapped");
    *(volatile char *)(start + i * PAGE) = 1;  // instead of the page of zeros that all share
    mapping->words[i] = entry_for(start + i * PAGE);
    fill_with_entries(start + i * PAGE, mapping->words[i]);
  }
  return true;
}

static void remove_mapping(struct mapping *mapping) {
  check_mapping(mapping);
  unmap(mapping->start, (size_t)mapping->pages * PAGE);
  for (int i = 0; i < mapping->pages; i++)
    expect_hole(mapping->start + i * PAGE + 8 * i, "what was just unmapped");
  mapping->pages = 0;
}

static void empty_mapping(struct mapping *mapping) {
  check_mapping(mapping);
  advise(mapping->start, (size_t)mapping->pages * PAGE, MADV_DONTNEED);
  for (int i = 0; i < mapping->pages; i++) {
    char *page = mapping->start + i * PAGE;
    check_zero(page, "a page after MADV_DONTNEED");
    *(volatile char *)page = 1;
    mapping->words[i] = entry_for(page);
    fill_with_entries(page, mapping->words[i]);
  }
}

unsigned long test_tables(void) {
  struct random random = make_random(6);
  pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0) fail_call("/proc/self/pagemap");
  for (int i = 0; i < NEIGHBOURHOODS; i++)
    neighbourhoods[i] = (char *)(((1UL << 36) + below(&random, 0x7D0000000000)) & -(uintptr_t)LARGE_PAGE);
  unsigned long count = 0;
  do {
    for (int i = 0; i < STEPS; i++) {
      struct mapping *mapping = &mappings[below(&random, MAPPINGS)];
      if (!mapping->pages) {
        if (!create(mapping, &random)) continue;
      } else if (below(&random, 4)) {
        remove_mapping(mapping);
      } else {
        empty_mapping(mapping);
      }
      expect_holes_around(mapping->start, &random);
      count++;
    }
    for (int i = 0; i < MAPPINGS; i++) check_mapping(&mappings[i]);
  } while (time_is_left());
  for (int i = 0; i < MAPPINGS; i++)
    if (mappings[i].pages) remove_mapping(&mappings[i]);
  close(pagemap);
  return count;
}
