/*
 * Start and end of the addon in one environment: the arena, the exports, and the cleanup hook that
 * closes what is still open, so that a process or worker may end at any time.
 */
#include "addon.h"

#include <stdlib.h>

void finish_ending(struct addon *addon) {
  if (!addon->is_ending || addon->watchers != NULL) return;
  napi_delete_reference(addon->env, addon->arena);
  napi_remove_async_cleanup_hook(addon->cleanup);
  free(addon);
}

static void end(napi_async_cleanup_hook_handle handle, void *data) {
  struct addon *addon = data;
  (void)handle;
  addon->is_ending = true;
  for (struct watcher *watcher = addon->watchers, *next; watcher != NULL; watcher = next) {
    next = watcher->next;
    close_watcher(watcher);
  }
  finish_ending(addon);
}

/* The arena's pages come from calloc(3) as zero pages: only those ever written cost memory. */
static bool make_arena(struct addon *addon, napi_value exports) {
  napi_value buffer;
  void *data;
  if (napi_create_arraybuffer(addon->env, ARENA_BYTES, &data, &buffer) != napi_ok) return false;
  addon->records = data;
  addon->slots = (uint8_t *)data + RECORDS_BYTES;
  return napi_create_reference(addon->env, buffer, 1, &addon->arena) == napi_ok &&
         napi_set_named_property(addon->env, exports, "arena", buffer) == napi_ok;
}

NAPI_MODULE_INIT() {
  struct addon *addon = calloc(1, sizeof *addon);
  if (addon == NULL) {
    napi_throw_error(env, NULL, "out of memory");
    return NULL;
  }
  addon->env = env;
  if (napi_get_uv_event_loop(env, &addon->loop) != napi_ok || !make_arena(addon, exports) ||
      napi_set_instance_data(env, addon, NULL, NULL) != napi_ok ||
      napi_add_async_cleanup_hook(env, end, addon, &addon->cleanup) != napi_ok) {
    free(addon);
    napi_throw_error(env, NULL, "the environment refuses the addon");
    return NULL;
  }
  prepare_receiving(addon);
  add_sockets(env, exports);
  add_options(env, exports);
  add_watchers(env, exports);
  add_sending(env, exports);
  add_replying(env, exports);
  add_knowing(env, exports);
  add_outbox(env, exports);
  add_host(env, exports);
  add_memory(env, exports);
  add_confining(env, exports);
  return exports;
}
