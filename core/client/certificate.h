// SPDX-License-Identifier: Apache-2.0
// Certificates as people compare them: fingerprints, and what to say about one that is not known.
#pragma once

#include "core/base/error.h"
#include "core/client/http_client.h"

#include <string>
#include <string_view>

struct ssl_st;
struct x509_st;

namespace fulgurite::client {

// SHA-256, 64 lower-case hexadecimal digits; empty for none.
std::string certificateFingerprint(x509_st* certificate);
// Colons and case, as other programs print them, make no difference.
bool sameFingerprint(std::string_view a, std::string_view b);
// Of the other side, after the handshake; `trusted` is left to the caller.
CertificateInfo describeCertificate(ssl_st* connection);

Error unknownCertificate(const std::string& url, const std::string& shown, const std::string& why);
Error changedCertificate(const std::string& url, const std::string& shown, const std::string& pinned);

} // namespace fulgurite::client
