/*
 * Socket addresses of the five families in use, from and to bytes, a port and an ifindex.
 * netlink(7), packet(7), ip(7), ipv6(7), unix(7).
 */
#include "addon.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

/* No address bytes stand for the unspecified address. */
static bool copy_exactly(void *to, size_t size, const uint8_t *bytes, size_t length) {
  if (length == size) memcpy(to, bytes, size);
  return length == size || length == 0;
}

/* AF_PACKET takes the ethertype as `port`; AF_UNIX a path or, after a zero byte, an abstract name,
   and without either the kernel picks an abstract name. Returns 0 for what is no address. */
socklen_t make_address(struct sockaddr_storage *out, int family, const uint8_t *bytes, size_t length, int port,
                       int ifindex) {
  if (port < 0 || port > UINT16_MAX) return 0;
  memset(out, 0, sizeof *out);
  out->ss_family = (sa_family_t)family;
  switch (family) {
    case AF_INET: {
      struct sockaddr_in *to = (struct sockaddr_in *)out;
      to->sin_port = htons((uint16_t)port);
      return copy_exactly(&to->sin_addr, sizeof to->sin_addr, bytes, length) ? sizeof *to : 0;
    }
    case AF_INET6: {
      struct sockaddr_in6 *to = (struct sockaddr_in6 *)out;
      to->sin6_port = htons((uint16_t)port);
      to->sin6_scope_id = (uint32_t)ifindex; /* the kernel looks at it for link-local addresses only */
      return copy_exactly(&to->sin6_addr, sizeof to->sin6_addr, bytes, length) ? sizeof *to : 0;
    }
    case AF_NETLINK:
      return sizeof(struct sockaddr_nl);
    case AF_PACKET: {
      struct sockaddr_ll *to = (struct sockaddr_ll *)out;
      to->sll_protocol = htons((uint16_t)port);
      to->sll_ifindex = ifindex;
      to->sll_halen = (uint8_t)length;
      if (length > ADDRESS_BYTES) return 0;
      if (length > 0) memcpy(to->sll_addr, bytes, length); /* InfiniBand's 20 bytes run past the 8 declared */
      return length > sizeof to->sll_addr ? offsetof(struct sockaddr_ll, sll_addr) + (socklen_t)length : sizeof *to;
    }
    case AF_UNIX: {
      struct sockaddr_un *to = (struct sockaddr_un *)out;
      size_t most = sizeof to->sun_path - 1;
      if (length > most) return 0;
      if (length > 0) memcpy(to->sun_path, bytes, length);
      bool is_path = length > 0 && bytes[0] != 0;
      return offsetof(struct sockaddr_un, sun_path) + (socklen_t)length + (is_path ? 1 : 0);
    }
    default:
      return 0;
  }
}

static void record_bytes(int32_t *record, const void *bytes, size_t length) {
  if (length > ADDRESS_BYTES) length = ADDRESS_BYTES;
  record[RECORD_ADDRESS_LENGTH] = (int32_t)length;
  memcpy(&record[RECORD_ADDRESS], bytes, length);
}

void record_address(int32_t *record, const struct sockaddr_storage *name, socklen_t length) {
  record[RECORD_PORT] = 0;
  record[RECORD_ADDRESS_LENGTH] = 0;
  if (length < sizeof name->ss_family) return;
  switch (name->ss_family) {
    case AF_INET: {
      const struct sockaddr_in *from = (const struct sockaddr_in *)name;
      record[RECORD_PORT] = ntohs(from->sin_port);
      record_bytes(record, &from->sin_addr, sizeof from->sin_addr);
      return;
    }
    case AF_INET6: {
      const struct sockaddr_in6 *from = (const struct sockaddr_in6 *)name;
      record[RECORD_PORT] = ntohs(from->sin6_port);
      record_bytes(record, &from->sin6_addr, sizeof from->sin6_addr);
      return;
    }
    case AF_NETLINK:
      record[RECORD_PORT] = (int32_t)((const struct sockaddr_nl *)name)->nl_pid;
      return;
    case AF_PACKET: {
      const struct sockaddr_ll *from = (const struct sockaddr_ll *)name;
      record_bytes(record, from->sll_addr, from->sll_halen);
      return;
    }
  }
}
