/*
 * Between JavaScript values and C: arguments checked for their type, results made. A getter that
 * returns false has written nothing that may be used; its caller answers with wrong_argument.
 */
#include "addon.h"

#include <errno.h>

void get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL); /* fills up with undefined */
}

bool get_int(napi_env env, napi_value value, int *out) {
  return napi_get_value_int32(env, value, out) == napi_ok;
}

bool get_number(napi_env env, napi_value value, double *out) {
  return napi_get_value_double(env, value, out) == napi_ok;
}

bool get_bytes(napi_env env, napi_value value, struct bytes *out) {
  napi_valuetype type;
  napi_typedarray_type element;
  void *data = NULL;
  *out = (struct bytes){NULL, 0};
  if (napi_typeof(env, value, &type) != napi_ok) return false;
  if (type == napi_undefined) return true;
  if (napi_get_typedarray_info(env, value, &element, &out->length, &data, NULL, NULL) != napi_ok) return false;
  out->data = data;
  return element == napi_uint8_array;
}

bool get_watcher(napi_env env, napi_value value, struct watcher **out) {
  void *data = NULL;
  if (napi_get_value_external(env, value, &data) != napi_ok) return false;
  *out = data;
  return true;
}

napi_value make_int(napi_env env, int value) {
  napi_value result = NULL;
  napi_create_int32(env, value, &result);
  return result;
}

napi_value make_number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

napi_value make_result(napi_env env, int result) {
  return make_int(env, result < 0 ? -errno : result);
}

napi_value wrong_argument(napi_env env) {
  napi_throw_type_error(env, NULL, "an argument has the wrong type");
  return NULL;
}

void add_function(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) == napi_ok)
    napi_set_named_property(env, exports, name, function);
}

void add_int(napi_env env, napi_value object, const char *name, int value) {
  napi_set_named_property(env, object, name, make_int(env, value));
}
