/*
 * Messages that leave together: JavaScript has put them into an outbox, records first and bytes
 * behind them, and sendmmsg(2) takes them. src/system/outbox.ts lays an outbox out. Nothing that
 * stands in it is trusted: every place and length is checked.
 */
#include "addon.h"

#include <errno.h>

struct departure {
  struct mmsghdr headers[OUTBOX_SLOTS];
  struct iovec vectors[OUTBOX_SLOTS];
  struct sockaddr_storage names[OUTBOX_SLOTS];
};

/* A record without an address goes to whom the socket is connected. */
static bool prepare(struct departure *out, const struct watcher *watcher, const struct bytes *outbox, int slot) {
  const int32_t *record = (const int32_t *)outbox->data + slot * RECORD_WORDS;
  int32_t offset = record[RECORD_OFFSET], length = record[RECORD_LENGTH], size = record[RECORD_ADDRESS_LENGTH];
  struct msghdr *message = &out->headers[slot].msg_hdr;
  if (offset < 0 || length < 0 || size < 0 || size > ADDRESS_BYTES) return false;
  if ((size_t)offset > outbox->length || (size_t)length > outbox->length - (size_t)offset) return false;
  out->vectors[slot] = (struct iovec){outbox->data + offset, (size_t)length};
  *message = (struct msghdr){.msg_iov = &out->vectors[slot], .msg_iovlen = 1};
  if (size == 0) return true;
  message->msg_name = &out->names[slot];
  message->msg_namelen = make_address(&out->names[slot], watcher->family, (const uint8_t *)&record[RECORD_ADDRESS],
                                      (size_t)size, record[RECORD_PORT], record[RECORD_IFINDEX]);
  return message->msg_namelen > 0;
}

/* sendAll(watcher, outbox, count): 0 when the kernel took all of them, else a negative errno. */
static napi_value send_all(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  struct watcher *watcher;
  struct bytes outbox;
  struct departure out;
  int count;
  get_arguments(env, info, 3, arguments);
  if (!get_watcher(env, arguments[0], &watcher) || !get_bytes(env, arguments[1], &outbox) ||
      !get_int(env, arguments[2], &count))
    return wrong_argument(env);
  if (watcher->fd < 0) return make_int(env, -EBADF);
  if (count < 1 || count > OUTBOX_SLOTS || outbox.length < OUTBOX_SLOTS * RECORD_WORDS * sizeof(int32_t))
    return make_int(env, -EINVAL);
  for (int slot = 0; slot < count; slot++)
    if (!prepare(&out, watcher, &outbox, slot)) return make_int(env, -EINVAL);
  return make_int(env, send_together(watcher, out.headers, count));
}

void add_outbox(napi_env env, napi_value exports) {
  add_function(env, exports, "sendAll", send_all);
}
