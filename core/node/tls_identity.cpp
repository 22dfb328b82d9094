// SPDX-License-Identifier: Apache-2.0
#include "core/node/tls_identity.h"

#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/sha256.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <array>
#include <memory>
#include <span>
#include <sys/stat.h>
#include <unistd.h>

namespace fulgurite::node {

namespace {

constexpr long kTenYears = 10L * 365 * 86400;
constexpr long kAnHour = 3600; // clocks differ
constexpr int kSerialBits = 127;
constexpr std::size_t kLargestFile = std::size_t{1} << 20;

template <class T, void (*Free)(T*)>
struct Freed {
    void operator()(T* thing) const { Free(thing); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION, X509_EXTENSION_free>>;
struct FreedBio {
    void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Memory = std::unique_ptr<BIO, FreedBio>;

void check(bool ok, const char* what) {
    if (!ok) {
        fail(ErrorKind::Internal, "OpenSSL could not {}", what);
    }
}

std::string textOf(BIO* memory) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

std::string machineName() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != 0 ? std::string(name.data())
                                                                            : "localhost";
}

bool isIpAddress(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

// Names with a comma would begin another entry.
std::string alternativeNames(const std::string& host) {
    std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
    for (const std::string& each : {machineName(), host}) {
        if (each.find(',') == std::string::npos && each != "0.0.0.0" && each != "::" && each != "localhost") {
            names += (isIpAddress(each) ? ",IP:" : ",DNS:") + each;
        }
    }
    return names;
}

void addExtension(X509* certificate, int kind, const std::string& value) {
    const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()));
    check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "describe a certificate");
}

Certificate makeCertificate(EVP_PKEY* key, const std::string& host) {
    Certificate certificate(X509_new());
    check(certificate != nullptr, "make a certificate");
    X509_set_version(certificate.get(), 2); // that is version 3
    const Number serial(BN_new());
    check(BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1, "draw a serial number");
    BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get()));
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kAnHour);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kTenYears);
    X509_NAME* name = X509_get_subject_name(certificate.get());
    const std::string title = "Fulgurite node " + machineName().substr(0, 40);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(title.c_str()), -1,
                               -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    check(X509_set_pubkey(certificate.get(), key) == 1, "put the key into a certificate");
    addExtension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
    addExtension(certificate.get(), NID_subject_alt_name, alternativeNames(host));
    addExtension(certificate.get(), NID_ext_key_usage, "serverAuth");
    check(X509_sign(certificate.get(), key, EVP_sha256()) != 0, "sign a certificate");
    return certificate;
}

void makeIdentity(const TlsIdentity& identity, const std::string& host) {
    const Key key(EVP_EC_gen("P-256"));
    check(key != nullptr, "make a key");
    const Certificate certificate = makeCertificate(key.get(), host);
    const Memory key_text(BIO_new(BIO_s_mem()));
    const Memory certificate_text(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
              PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1,
          "write a certificate");
    const mode_t before = ::umask(077);
    try {
        writeFileAtomically(identity.key, textOf(key_text.get()));
        writeFileAtomically(identity.certificate, textOf(certificate_text.get()));
    } catch (...) {
        ::umask(before);
        throw;
    }
    ::umask(before);
}

} // namespace

TlsIdentity ownIdentity(const std::filesystem::path& folder, const std::string& host) {
    std::error_code code;
    std::filesystem::create_directories(folder, code);
    if (code) {
        fail(ErrorKind::Io, "{}: cannot create the folder: {}", folder.string(), code.message());
    }
    const TlsIdentity identity{folder / "certificate.pem", folder / "key.pem"};
    const bool has_certificate = std::filesystem::exists(identity.certificate);
    if (has_certificate != std::filesystem::exists(identity.key)) {
        fail(ErrorKind::InvalidInput,
             "{}: there is {} but not {}; bring the other back, or remove both for new ones", folder.string(),
             has_certificate ? "certificate.pem" : "key.pem", has_certificate ? "key.pem" : "certificate.pem");
    }
    if (!has_certificate) {
        makeIdentity(identity, host);
    }
    return identity;
}

std::string fingerprintOf(const std::filesystem::path& certificate) {
    const std::string text = readTextFile(certificate, kLargestFile);
    const Memory memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    const Certificate first(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
    if (first == nullptr) {
        fail(ErrorKind::InvalidInput, "{}: not a PEM certificate", certificate.string());
    }
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(first.get(), &bytes);
    check(size > 0, "read a certificate");
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> freed(bytes,
                                                                         [](unsigned char* p) { OPENSSL_free(p); });
    return sha256(std::as_bytes(std::span(bytes, static_cast<std::size_t>(size))));
}

} // namespace fulgurite::node
