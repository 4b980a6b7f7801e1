/*
 * Watching a descriptor with uv_poll_t and telling JavaScript. A watcher may be closed at any time,
 * also from its own callback: its memory stays until libuv and the garbage collector let go of it.
 * A pending socket error makes libuv stop watching; it is read, reported, and watching goes on.
 */
#include "addon.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void release(struct watcher *watcher) {
  if (--watcher->owners == 0) free(watcher);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  release(data);
}

static void on_closed(uv_handle_t *handle) {
  struct watcher *watcher = handle->data;
  struct addon *addon = watcher->addon;
  *watcher->link = watcher->next;
  if (watcher->next != NULL) watcher->next->link = watcher->link;
  release(watcher);
  finish_ending(addon);
}

struct late_close {
  uv_work_t work;
  int fd;
};

static void close_late(uv_work_t *work) {
  close(((struct late_close *)work)->fd);
}

static void free_late(uv_work_t *work, int status) {
  (void)status;
  free(work);
}

/* The kernel lets the closer of a packet socket wait for an RCU grace period, 15 ms and more: a thread waits. */
static void close_packet(struct addon *addon, int fd) {
  struct late_close *late = addon->is_ending ? NULL : malloc(sizeof *late);
  if (late != NULL) {
    late->fd = fd;
    if (uv_queue_work(addon->loop, &late->work, close_late, free_late) == 0) return;
    free(late);
  }
  close(fd);
}

void close_watcher(struct watcher *watcher) {
  if (watcher->fd < 0) return;
  uv_close((uv_handle_t *)&watcher->poll, on_closed);
  if (watcher->family == AF_PACKET) close_packet(watcher->addon, watcher->fd);
  else close(watcher->fd);
  watcher->fd = -1;
  napi_delete_reference(watcher->addon->env, watcher->callback);
  if (watcher->known_reference != NULL) napi_delete_reference(watcher->addon->env, watcher->known_reference);
}

/* What the callback throws is a broken invariant: it becomes an uncaughtException. */
static void call(napi_env env, napi_value callback, int event, int value) {
  napi_value receiver, error;
  napi_value arguments[] = {make_int(env, event), make_int(env, value)};
  if (napi_get_global(env, &receiver) != napi_ok) return;
  if (napi_make_callback(env, NULL, receiver, callback, 2, arguments, NULL) != napi_pending_exception) return;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

static void notify(struct watcher *watcher, enum watcher_event event, int value) {
  napi_env env = watcher->addon->env;
  napi_handle_scope scope;
  napi_value callback;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, watcher->callback, &callback) == napi_ok) call(env, callback, event, value);
  napi_close_handle_scope(env, scope);
}

static void notify_received(struct watcher *watcher, int result) {
  if (result == -EAGAIN || result == -EINTR) return;
  if (result > 0 && watcher->known.data != NULL && answer_known(watcher, result) == 0) return;
  if (result < 0) notify(watcher, EVENT_ERROR, -result);
  else notify(watcher, EVENT_DATA, result);
}

static void on_poll(uv_poll_t *handle, int status, int events);

static void recover(struct watcher *watcher) {
  int error = 0;
  socklen_t size = sizeof error;
  uv_poll_start(&watcher->poll, watcher->events, on_poll);
  switch (watcher->kind) {
    case KIND_MESSAGES:
      if (getsockopt(watcher->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
        notify(watcher, EVENT_ERROR, error);
      return;
    case KIND_STREAM: /* what still lies there comes first, the error after it */
      notify_received(watcher, receive(watcher));
      return;
    case KIND_DEVICE: /* an error without a cause would come again and again */
      error = receive(watcher);
      notify_received(watcher, error == -EAGAIN ? -EIO : error);
      return;
  }
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  struct watcher *watcher = handle->data;
  if (status < 0) {
    recover(watcher);
    return;
  }
  if (events & UV_READABLE) notify_received(watcher, receive(watcher));
  if (watcher->fd >= 0 && (events & watcher->events & UV_WRITABLE)) notify(watcher, EVENT_WRITABLE, 0);
}

/* A datagram socket, a stream, or what is no socket. */
static void classify(struct watcher *watcher) {
  int type = 0;
  socklen_t size = sizeof type;
  watcher->kind = KIND_DEVICE;
  watcher->family = AF_UNSPEC;
  if (getsockopt(watcher->fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0) return;
  watcher->kind = type == SOCK_STREAM ? KIND_STREAM : KIND_MESSAGES;
  size = sizeof watcher->local;
  if (getsockname(watcher->fd, (struct sockaddr *)&watcher->local, &size) == 0)
    watcher->family = watcher->local.ss_family;
}

static void enlist(struct watcher *watcher) {
  struct addon *addon = watcher->addon;
  watcher->next = addon->watchers;
  watcher->link = &addon->watchers;
  if (watcher->next != NULL) watcher->next->link = &watcher->next;
  addon->watchers = watcher;
}

/* watch(fd, callback): a watcher that owns the descriptor, or a negative errno and the descriptor stays. */
static napi_value watch(napi_env env, napi_callback_info info) {
  napi_value arguments[2], value;
  struct watcher *watcher = calloc(1, sizeof *watcher);
  get_arguments(env, info, 2, arguments);
  if (watcher == NULL) return make_int(env, -ENOMEM);
  if (napi_create_external(env, watcher, on_collected, NULL, &value) != napi_ok) {
    free(watcher);
    return make_int(env, -ENOMEM);
  }
  watcher->owners = 1; /* the JavaScript value */
  watcher->fd = -1;
  int fd, status;
  if (!get_int(env, arguments[0], &fd) || napi_get_instance_data(env, (void **)&watcher->addon) != napi_ok ||
      napi_create_reference(env, arguments[1], 1, &watcher->callback) != napi_ok)
    return wrong_argument(env);
  status = watcher->addon->is_ending ? -ECANCELED : uv_poll_init(watcher->addon->loop, &watcher->poll, fd);
  if (status < 0) {
    napi_delete_reference(env, watcher->callback);
    return make_int(env, status);
  }
  watcher->owners = 2; /* and libuv */
  watcher->fd = fd;
  watcher->poll.data = watcher;
  watcher->events = UV_READABLE;
  classify(watcher);
  enlist(watcher);
  uv_poll_start(&watcher->poll, watcher->events, on_poll);
  return value;
}

/* unwatch(watcher): closes it with its descriptor; again does nothing. */
static napi_value unwatch(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct watcher *watcher;
  get_arguments(env, info, 1, arguments);
  if (!get_watcher(env, arguments[0], &watcher)) return wrong_argument(env);
  close_watcher(watcher);
  return NULL;
}

/* awaitWritable(watcher, flag): whether the callback is told that more can be sent. */
static napi_value await_writable(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct watcher *watcher;
  bool is_awaited;
  get_arguments(env, info, 2, arguments);
  if (!get_watcher(env, arguments[0], &watcher) || napi_get_value_bool(env, arguments[1], &is_awaited) != napi_ok)
    return wrong_argument(env);
  if (watcher->fd < 0) return NULL;
  watcher->events = is_awaited ? UV_READABLE | UV_WRITABLE : UV_READABLE;
  uv_poll_start(&watcher->poll, watcher->events, on_poll);
  return NULL;
}

/* keepAlive(watcher, flag): whether the watcher keeps the event loop, and so the process, going. */
static napi_value keep_alive(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct watcher *watcher;
  bool is_kept;
  get_arguments(env, info, 2, arguments);
  if (!get_watcher(env, arguments[0], &watcher) || napi_get_value_bool(env, arguments[1], &is_kept) != napi_ok)
    return wrong_argument(env);
  if (watcher->fd < 0) return NULL;
  if (is_kept) uv_ref((uv_handle_t *)&watcher->poll);
  else uv_unref((uv_handle_t *)&watcher->poll);
  return NULL;
}

void add_watchers(napi_env env, napi_value exports) {
  add_function(env, exports, "watch", watch);
  add_function(env, exports, "unwatch", unwatch);
  add_function(env, exports, "awaitWritable", await_writable);
  add_function(env, exports, "keepAlive", keep_alive);
}
