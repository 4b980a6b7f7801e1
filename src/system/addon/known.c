/*
 * Answers questions whose answers are known without a word of JavaScript. src/dns/answer-memory.ts
 * lays the answers out and is the only one to add and remove them; a query is read as by
 * src/dns/query-reader.ts and answered as by src/dns/stored-answer.ts, byte for byte (RFC 1035, 4;
 * RFC 6891). What is not plain, not known, past its time or due to be asked for again is left alone.
 */
#include "addon.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define HEADER_BYTES 12
#define MOST_NAME_BYTES 255
#define TAIL_BYTES 4 /* type and class */
#define OPT_BYTES 11
#define OPT_TYPE 41
#define PLAIN_BYTES 512
#define EDNS_BYTES 1232
#define CHECKING_DISABLED 2
#define DNSSEC_OK 1

enum head { HEAD_SEED, HEAD_BUCKETS, HEAD_BUCKETS_AT };
#define HEAD_FOUND 2 /* of eight bytes each */
#define HEAD_BYTES 64

enum word { NEXT, HASH, BYTES, KEY_BYTES, RECORD_BYTES, TTL_COUNT, RCODE, ANSWER_COUNT, AUTHORITY_COUNT, HITS };
enum moment { STORED_AT = 5, EXPIRES_AT, REFRESH_AT };
#define ENTRY_BYTES 64

struct query {
  size_t question_end;
  size_t limit;
  bool has_edns;
  size_t key_bytes;
  uint8_t key[MOST_NAME_BYTES + TAIL_BYTES + 1];
};

static unsigned get16(const uint8_t *at) {
  return (unsigned)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, unsigned value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static int32_t word_of(const uint8_t *entry, int place) {
  return ((const int32_t *)entry)[place];
}

/* The name goes into the key, in lower case; where it ends, 0 if it is none. */
static size_t read_name(const uint8_t *message, size_t length, struct query *query) {
  size_t end = length < HEADER_BYTES + MOST_NAME_BYTES ? length : HEADER_BYTES + MOST_NAME_BYTES;
  size_t label_end = HEADER_BYTES;
  for (size_t at = HEADER_BYTES; at < end; at++) {
    uint8_t value = message[at];
    if (at != label_end) {
      query->key[at - HEADER_BYTES] = value >= 'A' && value <= 'Z' ? value | 0x20 : value;
      continue;
    }
    if (value > 63) return 0;
    query->key[at - HEADER_BYTES] = value;
    if (value == 0) return at + 1;
    label_end = at + 1 + value;
  }
  return 0;
}

/* False for what JavaScript has to look at. */
static bool read_edns(const uint8_t *opt, size_t length, struct query *query, unsigned *flavour) {
  if (length < OPT_BYTES) return false;
  if (opt[0] != 0 || get16(opt + 1) != OPT_TYPE) return true;
  if (OPT_BYTES + get16(opt + 9) > length || opt[6] != 0) return false;
  unsigned size = get16(opt + 3);
  query->has_edns = true;
  query->limit = size < PLAIN_BYTES ? PLAIN_BYTES : size > EDNS_BYTES ? EDNS_BYTES : size;
  if (opt[7] & 0x80) *flavour |= DNSSEC_OK;
  return true;
}

static bool read_query(const uint8_t *message, size_t length, struct query *query) {
  if (length < HEADER_BYTES || (message[2] & 0xf8) != 0) return false;
  if (get16(message + 4) != 1 || get16(message + 6) != 0 || get16(message + 8) != 0) return false;
  size_t name_end = read_name(message, length, query);
  if (name_end == 0 || name_end + TAIL_BYTES > length) return false;
  unsigned flavour = message[3] & 0x10 ? CHECKING_DISABLED : 0;
  query->question_end = name_end + TAIL_BYTES;
  query->limit = PLAIN_BYTES;
  query->has_edns = false;
  size_t end = query->question_end;
  if (get16(message + 10) > 0 && !read_edns(message + end, length - end, query, &flavour)) return false;
  query->key_bytes = end - HEADER_BYTES;
  memcpy(query->key + name_end - HEADER_BYTES, message + name_end, TAIL_BYTES);
  if (flavour != 0) query->key[query->key_bytes++] = (uint8_t)flavour;
  return true;
}

static uint8_t *find(const struct bytes *memory, const struct query *query) {
  const int32_t *head = (const int32_t *)memory->data;
  uint32_t hash = (uint32_t)head[HEAD_SEED];
  for (size_t index = 0; index < query->key_bytes; index++) hash = (hash ^ query->key[index]) * 0x01000193u;
  hash ^= hash >> 15;
  const int32_t *buckets = (const int32_t *)(memory->data + head[HEAD_BUCKETS_AT]);
  int32_t at = buckets[hash & (uint32_t)(head[HEAD_BUCKETS] - 1)];
  while (at >= HEAD_BYTES && (size_t)at <= memory->length - ENTRY_BYTES) {
    uint8_t *entry = memory->data + at;
    if ((uint32_t)word_of(entry, HASH) == hash && (size_t)word_of(entry, KEY_BYTES) == query->key_bytes &&
        memcmp(entry + ENTRY_BYTES, query->key, query->key_bytes) == 0)
      return entry;
    at = word_of(entry, NEXT);
  }
  return NULL;
}

static void age(uint8_t *records, const uint8_t *places, int count, int32_t seconds) {
  for (int index = 0; index < count && seconds > 0; index++) {
    uint16_t place;
    memcpy(&place, places + 2 * index, sizeof place);
    uint8_t *ttl = records + place;
    int32_t left = (int32_t)(get16(ttl) << 16 | get16(ttl + 2)) - seconds;
    put16(ttl, left < 0 ? 0 : (unsigned)left >> 16);
    put16(ttl + 2, left < 0 ? 0 : (unsigned)left & 0xffff);
  }
}

static size_t write_edns(uint8_t *at, int32_t rcode) {
  memset(at, 0, OPT_BYTES);
  at[2] = OPT_TYPE;
  put16(at + 3, EDNS_BYTES);
  at[5] = (uint8_t)(rcode >> 4);
  return OPT_BYTES;
}

static int write_answer(uint8_t *message, const struct query *query, const uint8_t *entry, double now) {
  const double *moments = (const double *)entry;
  size_t record_bytes = (size_t)word_of(entry, RECORD_BYTES), end = query->question_end;
  bool is_cut = end + record_bytes + (query->has_edns ? OPT_BYTES : 0) > query->limit;
  int32_t rcode = word_of(entry, RCODE);
  message[2] = 0x80 | (message[2] & 0x01) | (is_cut ? 0x02 : 0);
  message[3] = 0x80 | (message[3] & 0x10) | (rcode & 0xf);
  put16(message + 6, is_cut ? 0 : (unsigned)word_of(entry, ANSWER_COUNT));
  put16(message + 8, is_cut ? 0 : (unsigned)word_of(entry, AUTHORITY_COUNT));
  put16(message + 10, query->has_edns ? 1 : 0);
  if (!is_cut) {
    size_t key_bytes = (size_t)word_of(entry, KEY_BYTES);
    size_t places_at = (ENTRY_BYTES + key_bytes + record_bytes + 1) & ~(size_t)1;
    memcpy(message + end, entry + ENTRY_BYTES + key_bytes, record_bytes);
    age(message + end, entry + places_at, word_of(entry, TTL_COUNT), (int32_t)floor((now - moments[STORED_AT]) / 1e3));
    end += record_bytes;
  }
  if (query->has_edns) end += write_edns(message + end, rcode);
  return (int)end;
}

/* The length of the answer that now stands in place of the message; 0: it stands as it was. */
static int answer(const struct bytes *memory, uint8_t *message, int32_t length, double now) {
  struct query query;
  if (length <= 0 || !read_query(message, (size_t)length, &query)) return 0;
  uint8_t *entry = find(memory, &query);
  if (entry == NULL) return 0;
  const double *moments = (const double *)entry;
  if (now >= moments[EXPIRES_AT] || now >= moments[REFRESH_AT]) return 0;
  int32_t *hits = &((int32_t *)entry)[HITS];
  if (*hits < INT32_MAX) ++*hits;
  ++((double *)memory->data)[HEAD_FOUND];
  return write_answer(message, &query, entry, now);
}

int answer_known(struct watcher *watcher, int count) {
  struct addon *addon = watcher->addon;
  struct timespec time;
  int answered = 0;
  clock_gettime(CLOCK_BOOTTIME, &time);
  double now = (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
  for (int slot = 0; slot < count; slot++) {
    int32_t *record = addon->records + slot * RECORD_WORDS;
    int length = answer(&watcher->known, addon->slots + slot * SLOT_STRIDE, record[RECORD_LENGTH], now);
    if (length == 0) continue;
    record[RECORD_REPLY] = length;
    record[RECORD_LENGTH] = 0;
    answered++;
  }
  /* What the kernel refuses is lost, as with UDP anywhere. */
  if (answered > 0) (void)send_replies(watcher, count);
  return count - answered;
}

/* answerFrom(watcher, memory): what this memory of answers knows is answered from now on. */
static napi_value answer_from(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct watcher *watcher;
  struct bytes memory;
  get_arguments(env, info, 2, arguments);
  if (!get_watcher(env, arguments[0], &watcher) || !get_bytes(env, arguments[1], &memory) ||
      memory.length < HEAD_BYTES + ENTRY_BYTES || watcher->known_reference != NULL)
    return wrong_argument(env);
  if (watcher->fd < 0) return NULL;
  if (napi_create_reference(env, arguments[1], 1, &watcher->known_reference) != napi_ok) return wrong_argument(env);
  watcher->known = memory;
  return NULL;
}

void add_knowing(napi_env env, napi_value exports) {
  add_function(env, exports, "answerFrom", answer_from);
}
