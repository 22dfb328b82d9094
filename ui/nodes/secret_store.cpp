// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/secret_store.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSaveFile>

#include <qt6keychain/keychain.h>

#include <utility>

namespace fulgurite {

namespace {

const QString kService = QStringLiteral("org.fulgurite.Fulgurite");

QJsonObject readSecrets(const QString& path) {
    QFile file(path);
    return !path.isEmpty() && file.open(QIODevice::ReadOnly) ? QJsonDocument::fromJson(file.readAll()).object()
                                                             : QJsonObject();
}

} // namespace

SecretStore::SecretStore(const QString& file, QObject* parent)
    : QObject(parent), file_(file), file_wanted_(QFile::exists(file)) {
    const QJsonObject kept = readSecrets(file);
    for (const QString& node : kept.keys())
        session_[node] = kept[node].toString();
}

void SecretStore::read(const QString& node, Found done) {
    if (const auto known = session_.constFind(node); known != session_.constEnd()) {
        QMetaObject::invokeMethod(
            this, [done = std::move(done), token = *known] { done(token, {}, false); }, Qt::QueuedConnection);
        return;
    }
    auto* job = new QKeychain::ReadPasswordJob(kService, this); // deletes itself
    job->setKey(node);
    connect(job, &QKeychain::Job::finished, this, [done = std::move(done), job] {
        const bool none = job->error() == QKeychain::EntryNotFound;
        const bool withheld =
            job->error() == QKeychain::AccessDenied || job->error() == QKeychain::AccessDeniedByUser;
        done(job->error() == QKeychain::NoError ? job->textData() : QString(),
             job->error() == QKeychain::NoError || none ? QString() : job->errorString(), withheld);
    });
    job->start();
}

void SecretStore::write(const QString& node, const QString& token) {
    if (token.isEmpty())
        return remove(node, {});
    session_[node] = token; // at hand until the window closes, wherever else it is kept
    auto* job = new QKeychain::WritePasswordJob(kService, this);
    job->setKey(node);
    job->setTextData(token);
    connect(job, &QKeychain::Job::finished, this, [this, job] {
        if (job->error() == QKeychain::NoError) {
            place_ = Place::Service;
            return;
        }
        place_ = Place::Session;
        if (file_wanted_)
            writeFile();
        else if (!std::exchange(told_, true))
            emit fellBack(job->errorString());
    });
    job->start();
}

void SecretStore::remove(const QString& node, Removed done) {
    session_.remove(node);
    const bool out_of_file = !file_wanted_ || writeFile();
    auto* job = new QKeychain::DeletePasswordJob(kService, this);
    job->setKey(node);
    connect(job, &QKeychain::Job::finished, this, [done = std::move(done), out_of_file, job] {
        const bool out_of_service = job->error() == QKeychain::NoError || job->error() == QKeychain::EntryNotFound;
        if (done)
            done(out_of_file && out_of_service);
    });
    job->start();
}

void SecretStore::keepInFile() {
    file_wanted_ = true;
    writeFile();
}

bool SecretStore::writeFile() {
    QJsonObject object;
    for (auto each = session_.constBegin(); each != session_.constEnd(); ++each)
        object[each.key()] = each.value();
    QSaveFile file(file_);
    // Nobody else may read it, from its first byte on.
    const QByteArray bytes = QJsonDocument(object).toJson(QJsonDocument::Compact);
    if (file.open(QIODevice::WriteOnly) && file.setPermissions(QFile::ReadOwner | QFile::WriteOwner) &&
        file.write(bytes) == bytes.size() && file.commit()) {
        place_ = Place::File;
        file_problem_.clear();
        return true;
    }
    place_ = Place::Session;
    file_problem_ = tr("The tokens cannot be written to %1: %2. They last until the window closes.")
                        .arg(file_, file.errorString());
    emit fileFailed(file_problem_);
    return false;
}

} // namespace fulgurite
