// SPDX-License-Identifier: Apache-2.0
#include "core/client/certificate.h"

#include "core/base/sha256.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cctype>
#include <cstddef>
#include <memory>
#include <span>

namespace fulgurite::client {

namespace {

struct FreedBio {
    void operator()(BIO* bio) const { BIO_free_all(bio); }
};

template <class Print>
std::string printed(const Print& print) {
    const std::unique_ptr<BIO, FreedBio> memory(BIO_new(BIO_s_mem()));
    print(memory.get());
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

std::string digitsOf(std::string_view fingerprint) {
    std::string digits;
    for (const char c : fingerprint) {
        if (c != ':' && c != ' ')
            digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return digits;
}

} // namespace

std::string certificateFingerprint(x509_st* certificate) {
    unsigned char* bytes = nullptr;
    const int size = certificate == nullptr ? 0 : i2d_X509(certificate, &bytes);
    if (size <= 0)
        return {};
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> freed(bytes,
                                                                         [](unsigned char* p) { OPENSSL_free(p); });
    return sha256(std::as_bytes(std::span(bytes, static_cast<std::size_t>(size))));
}

bool sameFingerprint(std::string_view a, std::string_view b) {
    return !a.empty() && digitsOf(a) == digitsOf(b);
}

CertificateInfo describeCertificate(ssl_st* connection) {
    CertificateInfo info;
    const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(connection), X509_free);
    if (!certificate)
        return info;
    info.fingerprint = certificateFingerprint(certificate.get());
    info.subject = printed([&](BIO* memory) {
        X509_NAME_print_ex(memory, X509_get_subject_name(certificate.get()), 0,
                           XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    });
    info.expires = printed([&](BIO* memory) { ASN1_TIME_print(memory, X509_get0_notAfter(certificate.get())); });
    return info;
}

Error unknownCertificate(const std::string& url, const std::string& shown, const std::string& why) {
    return {
        ErrorKind::Io,
        fmt::format("{}: no authority that this machine knows vouches for its certificate ({}). Its fingerprint is "
                    "{}: accept it if the node printed the same at its start.",
                    url, why, shown)};
}

Error changedCertificate(const std::string& url, const std::string& shown, const std::string& pinned) {
    return {
        ErrorKind::Io,
        fmt::format("{}: its certificate has changed. Accepted was {}, shown is {}. Nothing was sent. Unless its "
                    "administrator has made a new one, somebody may be in between.",
                    url, pinned, shown)};
}

} // namespace fulgurite::client
