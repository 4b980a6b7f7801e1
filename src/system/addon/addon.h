/*
 * The native half of src/system: what every file of the addon shares. Plain C over Node-API 8 and
 * libuv's uv_poll_t. System calls report failure to TypeScript as a negative errno, never by a
 * throw; only arguments of a wrong type throw. Invariant: one arena per environment carries every
 * received byte, because JavaScript runs to its end before the next receive.
 */
#ifndef CAUSEWAY_ADDON_H
#define CAUSEWAY_ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <uv.h>

/* How many messages one recvmmsg(2) takes, and the longest of them. */
#define SLOTS 32
#define SLOT_BYTES 65536
/* Slots are this far apart: not a power of two, so that their first lines share no cache set. */
#define SLOT_STRIDE (SLOT_BYTES + 320)

/* The words of a message's record; src/system/arena.ts reads them. */
enum record {
  RECORD_OFFSET,         /* of its bytes in the arena */
  RECORD_LENGTH,         /* in bytes; -1: longer than a slot, lost */
  RECORD_PORT,           /* UDP port or netlink port id of the sender */
  RECORD_IFINDEX,        /* from IP_PKTINFO, IPV6_PKTINFO; else 0 */
  RECORD_HOP_LIMIT,      /* from IP_TTL, IPV6_HOPLIMIT; else -1 */
  RECORD_STATUS,         /* tp_status from PACKET_AUXDATA; else 0 */
  RECORD_ADDRESS_LENGTH, /* of the sender's address in bytes */
  RECORD_ADDRESS,        /* up to 32 bytes, network order */
  RECORD_REPLY = 15,     /* JavaScript's: bytes of the answer in place of the message; 0: none */
  RECORD_WORDS = 16,
};
#define ADDRESS_BYTES 32
/* A stream puts the number of received descriptors and then these in place of the records. */
#define MOST_DESCRIPTORS 253 /* SCM_MAX_FD of the kernel */

#define RECORDS_BYTES (SLOTS * RECORD_WORDS * sizeof(int32_t))
#define ARENA_BYTES (RECORDS_BYTES + SLOTS * SLOT_STRIDE)
#define CONTROL_BYTES 256
/* How many messages leave with one sendmmsg(2); src/system/outbox.ts knows. */
#define OUTBOX_SLOTS 32

_Static_assert(1 + MOST_DESCRIPTORS <= SLOTS * RECORD_WORDS, "descriptors fit in place of the records");
_Static_assert((RECORD_REPLY - RECORD_ADDRESS) * sizeof(int32_t) >= ADDRESS_BYTES, "addresses fit into a record");

/* One per environment; freed when its last watcher is closed at the environment's end. */
struct addon {
  napi_env env;
  uv_loop_t *loop;
  napi_ref arena;
  int32_t *records;
  uint8_t *slots;
  struct watcher *watchers;
  napi_async_cleanup_hook_handle cleanup;
  bool is_ending;
  struct mmsghdr headers[SLOTS];
  struct iovec vectors[SLOTS];
  struct sockaddr_storage names[SLOTS];
  struct mmsghdr replies[SLOTS];
  struct iovec reply_vectors[SLOTS];
  _Alignas(struct cmsghdr) char control[SLOTS][CONTROL_BYTES];
};

enum watcher_kind { KIND_MESSAGES, KIND_STREAM, KIND_DEVICE };

/* What a watcher tells its callback first; src/system/addon.ts knows the numbers. */
enum watcher_event {
  EVENT_DATA,     /* then messages in the arena, or for a stream bytes (0: its end) */
  EVENT_ERROR,    /* then an errno */
  EVENT_WRITABLE, /* then 0 */
};

struct bytes {
  uint8_t *data;
  size_t length;
};

/* Whether the kernel cuts up what goes to one destination (train.c). */
enum segmenting { SEGMENTING_UNKNOWN, SEGMENTING_ON, SEGMENTING_OFF };

/* A watched descriptor. Owned by libuv until closed and by its JavaScript value until collected. */
struct watcher {
  uv_poll_t poll;
  struct addon *addon;
  struct watcher *next;
  struct watcher **link;
  napi_ref callback;
  napi_ref known_reference;
  struct bytes known; /* of known.c; no data: nothing is known */
  enum watcher_kind kind;
  enum segmenting segmenting;
  int family; /* AF_UNSPEC for what is not a socket */
  int fd;     /* -1 once closed */
  int events;
  int owners;
  struct sockaddr_storage local;
};

/* address.c */
socklen_t make_address(struct sockaddr_storage *out, int family, const uint8_t *bytes, size_t length, int port,
                       int ifindex);
void record_address(int32_t *record, const struct sockaddr_storage *name, socklen_t length);

/* receive.c: a count as EVENT_DATA carries it, or a negative errno */
void prepare_receiving(struct addon *addon);
int receive(struct watcher *watcher);

/* reply.c: sends what the records of so many messages announce; 0 or the last negative errno */
int send_replies(struct watcher *watcher, int count);
/* known.c: answers what it can of the messages just received; how many are left, the others have length 0 */
int answer_known(struct watcher *watcher, int count);

/* train.c: sends messages of one vector each, of which it may take the vectors; 0 or the last negative errno */
int send_together(struct watcher *watcher, struct mmsghdr *messages, int count);

/* values.c */
void get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments);
bool get_int(napi_env env, napi_value value, int *out);
bool get_number(napi_env env, napi_value value, double *out);
/* A Uint8Array; undefined gives no data and length 0. */
bool get_bytes(napi_env env, napi_value value, struct bytes *out);
bool get_watcher(napi_env env, napi_value value, struct watcher **out);
napi_value make_int(napi_env env, int value);
napi_value make_number(napi_env env, double value);
/* `result`, or the negative errno when it is -1. */
napi_value make_result(napi_env env, int result);
napi_value wrong_argument(napi_env env);
void add_function(napi_env env, napi_value exports, const char *name, napi_callback callback);
void add_int(napi_env env, napi_value object, const char *name, int value);

/* Each adds its functions to the exports. */
void add_sockets(napi_env env, napi_value exports);
void add_options(napi_env env, napi_value exports);
void add_watchers(napi_env env, napi_value exports);
void add_sending(napi_env env, napi_value exports);
void add_replying(napi_env env, napi_value exports);
void add_knowing(napi_env env, napi_value exports);
void add_outbox(napi_env env, napi_value exports);
void add_host(napi_env env, napi_value exports);
void add_memory(napi_env env, napi_value exports);
void add_confining(napi_env env, napi_value exports);

/* watcher.c */
void close_watcher(struct watcher *watcher);
/* addon.c: frees the addon at the environment's end once no watcher is left. */
void finish_ending(struct addon *addon);

#endif
