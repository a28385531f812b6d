/* What the parts of HTTP share (RFC 9110, RFC 9112): names and tokens. */
#ifndef RTVERIFY_HTTP_H
#define RTVERIFY_HTTP_H

#include "agent.h"

int is_name(struct bytes name, const char *other);
int is_hop_by_hop(struct bytes name);
int has_control(struct bytes text);
int is_token(struct bytes text);

#endif
