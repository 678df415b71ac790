// mremap: mappings of all sizes move from slot to slot, with whole page tables where the kernel can move those, over
// others, leaving an empty one behind, growing and shrinking. Contents have to come along, and where nothing is left,
// accesses have to fault.
#define _GNU_SOURCE
#include "paging.h"

#include <string.h>
#include <sys/mman.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static const size_t slotSize = 1UL << 30;
enum { SLOTS = 8, KNOWN = 12, MOVES = 6 };

// How the kernel can move it: page by page, by page tables, by large pages, by page directories.
static const struct kind {
  size_t offset;  // within the slot
  size_t least, most;
  bool isLarge;
} kinds[] = {
    {5 * PAGE, 4 * PAGE, 64 * PAGE, false},
    {3 * (size_t)LARGE_PAGE, 2 * (size_t)LARGE_PAGE, 4 * (size_t)LARGE_PAGE, false},
    {5 * (size_t)LARGE_PAGE, 1 * (size_t)LARGE_PAGE, 2 * (size_t)LARGE_PAGE, true},
    {0, 1UL << 30, 1UL << 30, false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static char *window;
static struct slot {
  const struct kind *kind;
  size_t length;  // 0: nothing is mapped
  struct {
    size_t offset;  // in the mapping
    uint64_t key;   // 0: nothing is known
  } known[KNOWN];   // all other pages are zero
} slots[SLOTS];

static char *start_of(const struct slot *slot) {
  return window + (size_t)(slot - slots) * slotSize + slot->kind->offset;
}

static size_t random_length(const struct kind *kind, struct random *random) {
  size_t unit = kind->isLarge ? LARGE_PAGE : PAGE;
  return kind->least + below(random, (kind->most - kind->least) / unit + 1) * unit;
}

// Which of the known pages is at an offset; KNOWN if none.
static int find(const struct slot *slot, size_t offset) {
  int i = 0;
  while (i < KNOWN && (!slot->known[i].key || slot->known[i].offset != offset)) i++;
  return i;
}

static void write_some(struct slot *slot, struct random *random) {
  for (int i = 0; i < KNOWN; i++) {
    if (!slot->known[i].key) {
      size_t offset = below(random, slot->length / PAGE) * PAGE;
      if (find(slot, offset) < KNOWN) continue;
      slot->known[i].offset = offset;
    } else if (below(random, 2)) {
      continue;
    }
    slot->known[i].key = next(random) | 1;
    fill(start_of(slot) + slot->known[i].offset, slot->known[i].key);
  }
}

static void check_slot(const struct slot *slot, struct random *random) {
  char *start = start_of(slot);
  for (int i = 0; i < KNOWN; i++)
    if (slot->known[i].key) check(start + slot->known[i].offset, slot->known[i].key, "a page of a moved mapping");
  size_t offset = below(random, slot->length / PAGE) * PAGE;
  if (find(slot, offset) == KNOWN) check_zero(start + offset, "an empty page of a moved mapping");
}

static void expect_nothing(char *start, size_t length, const struct slot *old, struct random *random) {
  for (int i = 0; i < KNOWN; i++)
    if (old->known[i].key && old->known[i].offset < length)
      expect_hole(start + old->known[i].offset, "the place that a mapping has left");
  expect_hole(start + below(random, length / PAGE) * PAGE, "the place that a mapping has left");
}

static void clear(struct slot *slot, struct random *random) {
  if (!slot->length) return;
  struct slot old = *slot;
  unmap(start_of(slot), slot->length);
  slot->length = 0;
  expect_nothing(start_of(slot), old.length, &old, random);
}

static void create(struct slot *slot, struct random *random) {
  memset(slot, 0, sizeof *slot);
  slot->kind = &kinds[below(random, KINDS)];
  slot->length = random_length(slot->kind, random);
  char *start = start_of(slot);
  map(start, slot->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED_NOREPLACE);
  advise(start, slot->length, slot->kind->isLarge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  write_some(slot, random);
}

static void remap(char *start, size_t length, size_t newLength, int flags, char *new) {
  if (mremap(start, length, newLength, flags, new) != new) fail_call("mremap");
}

static void move(struct slot *from, struct slot *to, struct random *random) {
  // Over the other mapping where that has the same place in its slot and is no longer.
  if (to->length && (to->kind != from->kind || to->length > from->length)) clear(to, random);
  bool leavesEmpty = below(random, 4) == 0;
  struct slot old = *from;
  *to = old;
  int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (leavesEmpty ? MREMAP_DONTUNMAP : 0);
  remap(start_of(from), old.length, old.length, flags, start_of(to));
  if (leavesEmpty) {
    memset(from->known, 0, sizeof from->known);
    for (int i = 0; i < KNOWN; i++)
      if (old.known[i].key) check_zero(start_of(from) + old.known[i].offset, "what MREMAP_DONTUNMAP has left");
  } else {
    from->length = 0;
    expect_nothing(start_of(from), old.length, &old, random);
  }
}

static void resize(struct slot *slot, struct random *random) {
  struct slot old = *slot;
  slot->length = random_length(slot->kind, random);
  remap(start_of(slot), old.length, slot->length, 0, start_of(slot));
  for (int i = 0; i < KNOWN; i++)
    if (slot->known[i].offset >= slot->length) slot->known[i].key = 0;
  if (slot->length < old.length)
    expect_hole(start_of(slot) + slot->length, "the place from which a mapping has shrunk");
  else if (slot->length > old.length)
    check_zero(start_of(slot) + old.length, "what a mapping has grown by");
}

unsigned long test_remap(void) {
  struct random random = make_random(4);
  size_t windowSize = SLOTS * slotSize;
  char *reserved = map(NULL, windowSize + slotSize, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
  unmap(reserved, windowSize + slotSize);
  window = (char *)(((uintptr_t)reserved + slotSize - 1) & -slotSize);
  memset(slots, 0, sizeof slots);
  for (int i = 0; i < SLOTS; i++) slots[i].kind = &kinds[0];
  unsigned long count = 0;
  do {
    for (int i = 0; i < MOVES; i++) {
      struct slot *slot = &slots[below(&random, SLOTS)], *other = &slots[below(&random, SLOTS)];
      if (!slot->length) {
        create(slot, &random);
      } else if (below(&random, 8) == 0) {
        clear(slot, &random);
        continue;
      } else if (slot != other) {
        move(slot, other, &random);
        check_slot(other, &random);
        if (!slot->length) continue;
      } else {
        resize(slot, &random);
      }
      check_slot(slot, &random);
      write_some(slot, &random);
      check_slot(slot, &random);
      count++;
    }
    for (int i = 0; i < SLOTS; i++)
      if (slots[i].length) check_slot(&slots[i], &random);
  } while (time_is_left());
  for (int i = 0; i < SLOTS; i++) clear(&slots[i], &random);
  return count;
}
