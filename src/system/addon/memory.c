/*
 * Memory that a running program no longer needs: proc_pid_maps(5), madvise(2).
 */
#include "addon.h"

#include <inttypes.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_SEGMENTS 16

struct range { uintptr_t start, end; };

struct segments {
  uintptr_t page_size;
  size_t count;
  struct range of[MAX_SEGMENTS];
};

/*
 * The segments of the file that Node's code is in, program or library, which are never written: all their pages
 * are as in the file. Others may lie beside them with the same rights, once the linker is done with them.
 */
static int note_constant_segments(struct dl_phdr_info *object, size_t size, void *noted) {
  (void)size;
  struct segments *segments = noted;
  uintptr_t node = (uintptr_t)napi_create_function, mask = segments->page_size - 1;
  bool is_found = false;
  segments->count = 0;
  for (size_t i = 0; i < object->dlpi_phnum && segments->count < MAX_SEGMENTS; i++) {
    const ElfW(Phdr) *header = &object->dlpi_phdr[i];
    if (header->p_type != PT_LOAD || (header->p_flags & PF_W) != 0) continue;
    uintptr_t start = object->dlpi_addr + header->p_vaddr, end = start + header->p_memsz;
    if (start <= node && node < end) is_found = true;
    segments->of[segments->count++] = (struct range){start & ~mask, (end + mask) & ~mask};
  }
  return is_found;
}

static void unmap(const struct segments *segments, struct range mapping) {
  for (size_t i = 0; i < segments->count; i++) {
    struct range segment = segments->of[i];
    uintptr_t start = mapping.start > segment.start ? mapping.start : segment.start;
    uintptr_t end = mapping.end < segment.end ? mapping.end : segment.end;
    if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
  }
}

/*
 * unmapProgram(): forgets which pages of Node's file have been used. A mapping without a file is left
 * alone: Node can move its code into huge pages, where it is nowhere else.
 */
static napi_value unmap_program(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  struct segments segments = {.page_size = (uintptr_t)sysconf(_SC_PAGESIZE)};
  if (!dl_iterate_phdr(note_constant_segments, &segments)) return NULL;
  FILE *maps = fopen("/proc/self/maps", "re");
  if (maps == NULL) return NULL;
  char line[512], rights[5];
  struct range mapping;
  while (fgets(line, sizeof line, maps) != NULL) {
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &mapping.start, &mapping.end, rights) != 3) continue;
    if (strchr(line, '/') != NULL && strchr(rights, 'w') == NULL) unmap(&segments, mapping);
  }
  fclose(maps);
  return NULL;
}

void add_memory(napi_env env, napi_value exports) {
  add_function(env, exports, "unmapProgram", unmap_program);
}
