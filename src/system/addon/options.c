/*
 * Socket options, and the numbers of the headers that TypeScript names: some differ between
 * architectures, so none is written down twice.
 */
#include "addon.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>

/* setOption(fd, level, name, value): an int or bytes. */
static napi_value set_option(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  napi_valuetype type;
  int fd, level, name, number;
  struct bytes bytes;
  get_arguments(env, info, 4, arguments);
  if (!get_int(env, arguments[0], &fd) || !get_int(env, arguments[1], &level) || !get_int(env, arguments[2], &name) ||
      napi_typeof(env, arguments[3], &type) != napi_ok)
    return wrong_argument(env);
  if (type == napi_number) {
    if (!get_int(env, arguments[3], &number)) return wrong_argument(env);
    return make_result(env, setsockopt(fd, level, name, &number, sizeof number));
  }
  if (!get_bytes(env, arguments[3], &bytes)) return wrong_argument(env);
  return make_result(env, setsockopt(fd, level, name, bytes.data, (socklen_t)bytes.length));
}

/* attachFilter(fd, program): classic BPF instructions of 8 bytes in host order. */
static napi_value attach_filter(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd;
  struct bytes program;
  get_arguments(env, info, 2, arguments);
  if (!get_int(env, arguments[0], &fd) || !get_bytes(env, arguments[1], &program)) return wrong_argument(env);
  size_t length = program.length / sizeof(struct sock_filter);
  if (length == 0 || length > BPF_MAXINSNS) return make_int(env, -EINVAL);
  struct sock_fprog filter = {(unsigned short)length, (struct sock_filter *)program.data};
  return make_result(env, setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter));
}

#define CONSTANT(name) {#name, name}
static const struct {
  const char *name;
  int value;
} constants[] = {
  CONSTANT(AF_INET), CONSTANT(AF_INET6), CONSTANT(AF_NETLINK), CONSTANT(AF_PACKET), CONSTANT(AF_UNIX),
  CONSTANT(SOCK_DGRAM), CONSTANT(SOCK_RAW), CONSTANT(SOCK_STREAM),
  CONSTANT(SOL_SOCKET), CONSTANT(SO_BINDTODEVICE), CONSTANT(SO_BROADCAST), CONSTANT(SO_MARK), CONSTANT(SO_RCVBUF),
  CONSTANT(SO_RCVBUFFORCE), CONSTANT(SO_REUSEADDR),
  CONSTANT(SOL_NETLINK), CONSTANT(NETLINK_ADD_MEMBERSHIP), CONSTANT(NETLINK_EXT_ACK),
  CONSTANT(NETLINK_GET_STRICT_CHK),
  CONSTANT(SOL_PACKET), CONSTANT(PACKET_AUXDATA), CONSTANT(TP_STATUS_CSUMNOTREADY),
  CONSTANT(IPPROTO_IP), CONSTANT(IP_ADD_MEMBERSHIP), CONSTANT(IP_MULTICAST_TTL), CONSTANT(IP_PKTINFO),
  CONSTANT(IP_RECVTTL), CONSTANT(IP_TTL),
  CONSTANT(IPPROTO_IPV6), CONSTANT(IPV6_JOIN_GROUP), CONSTANT(IPV6_MULTICAST_HOPS), CONSTANT(IPV6_RECVHOPLIMIT),
  CONSTANT(IPV6_RECVPKTINFO), CONSTANT(IPV6_UNICAST_HOPS), CONSTANT(IPV6_V6ONLY),
  CONSTANT(IPPROTO_ICMPV6), CONSTANT(ICMP6_FILTER),
};

void add_options(napi_env env, napi_value exports) {
  napi_value object;
  add_function(env, exports, "setOption", set_option);
  add_function(env, exports, "attachFilter", attach_filter);
  if (napi_create_object(env, &object) != napi_ok) return;
  for (size_t index = 0; index < sizeof constants / sizeof *constants; index++)
    add_int(env, object, constants[index].name, constants[index].value);
  napi_set_named_property(env, exports, "constants", object);
}
