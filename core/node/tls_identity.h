// SPDX-License-Identifier: Apache-2.0
// The certificate that a node shows: one it is given, or one that it makes for itself at its first start and keeps,
// for clients that pin its fingerprint.
#pragma once

#include <filesystem>
#include <string>

namespace fulgurite::node {

struct TlsIdentity {
    std::filesystem::path certificate; // PEM
    std::filesystem::path key;         // PEM, mode 600
};

// FOLDER/certificate.pem and FOLDER/key.pem; both are made when neither is there: ECDSA on P-256, signed by itself,
// for `host`, this machine's name and localhost. Throws Error{Io | InvalidInput}.
TlsIdentity ownIdentity(const std::filesystem::path& folder, const std::string& host);

// SHA-256 of the first certificate in the file, 64 lower-case hexadecimal digits: what `openssl x509 -fingerprint
// -sha256` shows. Throws Error{InvalidInput | Io}.
std::string fingerprintOf(const std::filesystem::path& certificate);

} // namespace fulgurite::node
