// SPDX-License-Identifier: Apache-2.0
// GET /fulgurite/v1/node and its log: how a node fares, for people who look after it.
#pragma once

#include "core/node/endpoints.h"

namespace fulgurite::node {

Answer nodeReport(const EndpointContext& context, const HttpRequest& request);
Answer showLog(const EndpointContext& context, const HttpRequest& request);

} // namespace fulgurite::node
