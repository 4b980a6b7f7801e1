/*
 * Answering a batch where it stands: what lies in place of the messages received last goes back to
 * their senders by sendmmsg(2), with the control messages they came with, so that IP_PKTINFO names
 * the address that was asked as the source. Nothing is allocated and nothing but lengths is passed.
 */
#include "addon.h"

#include <errno.h>

/* Fills `replies` with what the records announce, once; how many. */
static int gather(struct addon *addon, int count) {
  int filled = 0;
  for (int slot = 0; slot < count; slot++) {
    int32_t length = addon->records[slot * RECORD_WORDS + RECORD_REPLY];
    if (length <= 0 || length > SLOT_BYTES) continue;
    addon->records[slot * RECORD_WORDS + RECORD_REPLY] = 0;
    struct msghdr *message = &addon->replies[filled].msg_hdr;
    *message = addon->headers[slot].msg_hdr;
    message->msg_flags = 0;
    message->msg_iov = &addon->reply_vectors[filled++];
    *message->msg_iov = (struct iovec){addon->slots + slot * SLOT_STRIDE, (size_t)length};
  }
  return filled;
}

int send_replies(struct watcher *watcher, int count) {
  return send_together(watcher, watcher->addon->replies, gather(watcher->addon, count));
}

/* reply(watcher, count): answers to the batch just received; 0 or the last negative errno. One that the
   kernel refuses is left out; when it takes no more now, neither are the rest sent. */
static napi_value reply(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct watcher *watcher;
  int count;
  get_arguments(env, info, 2, arguments);
  if (!get_watcher(env, arguments[0], &watcher) || !get_int(env, arguments[1], &count)) return wrong_argument(env);
  if (watcher->fd < 0) return make_int(env, -EBADF);
  if (watcher->kind != KIND_MESSAGES || count < 0 || count > SLOTS) return make_int(env, -EINVAL);
  return make_int(env, send_replies(watcher, count));
}

void add_replying(napi_env env, napi_value exports) {
  add_function(env, exports, "reply", reply);
}
