// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/ssh_tunnel.h"

#include <QDir>
#include <QFile>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QtNetwork/QTcpServer>
#include <QtNetwork/QTcpSocket>

namespace fulgurite {

namespace {

constexpr int kPortMilliseconds = 100;
constexpr int kOpenMilliseconds = 30'000;
constexpr int kMostIncludes = 8;

quint16 freePort() {
    QTcpServer server;
    return server.listen(QHostAddress::LocalHost) ? server.serverPort() : 0;
}

// What ssh said last that is not about its own progress.
QString lastWords(const QByteArray& errors) {
    const QStringList lines = QString::fromUtf8(errors).split(u'\n', Qt::SkipEmptyParts);
    return lines.isEmpty() ? QString() : lines.last().trimmed();
}

void readHosts(const QString& path, QStringList& hosts, int depth) {
    QFile file(path);
    if (depth > kMostIncludes || !file.open(QIODevice::ReadOnly))
        return;
    static const QRegularExpression space(QStringLiteral("[\\s=]+"));
    while (!file.atEnd()) {
        const QString line = QString::fromUtf8(file.readLine(4096)).trimmed();
        QStringList words = line.split(space, Qt::SkipEmptyParts);
        if (words.size() < 2 || words[0].startsWith(u'#'))
            continue;
        const QString keyword = words.takeFirst().toLower();
        for (const QString& word : std::as_const(words)) {
            if (keyword == QLatin1String("host") && !word.contains(QRegularExpression(QStringLiteral("[*?!]"))) &&
                !hosts.contains(word))
                hosts << word;
            if (keyword != QLatin1String("include"))
                continue;
            const QString named = word.startsWith(u'~') ? QDir::homePath() + word.mid(1) : word;
            const QFileInfo pattern(QDir::isAbsolutePath(named) ? named : QFileInfo(path).dir().filePath(named));
            for (const QFileInfo& each : pattern.dir().entryInfoList({pattern.fileName()}, QDir::Files))
                readHosts(each.filePath(), hosts, depth + 1);
        }
    }
}

} // namespace

SshTunnel::SshTunnel(QObject* parent) : QObject(parent) {
    port_timer_.setInterval(kPortMilliseconds);
    connect(&port_timer_, &QTimer::timeout, this, &SshTunnel::tryPort);
}

SshTunnel::~SshTunnel() {
    close();
}

QString SshTunnel::program() {
    const QString chosen = qEnvironmentVariable("FULGURITE_SSH");
    return chosen.isEmpty() ? QStandardPaths::findExecutable(QStringLiteral("ssh")) : chosen;
}

void SshTunnel::open(const QString& host, const QString& remote_host, quint16 remote_port) {
    close();
    host_ = host;
    errors_.clear();
    local_port_ = freePort();
    const QString ssh = program();
    process_ = std::make_unique<QProcess>();
    connect(process_.get(), &QProcess::readyReadStandardError, this,
            [this] { errors_ = (errors_ + process_->readAllStandardError()).right(4096); });
    connect(process_.get(), &QProcess::finished, this, &SshTunnel::ended);
    connect(process_.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            fail(tr("ssh cannot be started: %1. Install OpenSSH's client.").arg(process_->errorString()));
    });
    since_start_.start();
    // No question can be answered here: a key or an agent must do. A host that has gone is noticed in 45 s.
    process_->start(ssh.isEmpty() ? QStringLiteral("ssh") : ssh,
                    {"-N", "-T", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-o",
                     "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3", "-o", "ConnectTimeout=15", "-L",
                     QStringLiteral("127.0.0.1:%1:%2:%3").arg(local_port_).arg(remote_host).arg(remote_port), "--",
                     host});
    port_timer_.start();
}

void SshTunnel::close() {
    port_timer_.stop();
    up_ = false;
    if (!process_)
        return;
    process_->disconnect(this);
    process_->terminate();
    if (!process_->waitForFinished(500)) {
        process_->kill();
        process_->waitForFinished(500);
    }
    process_.reset();
}

// ssh says nothing when it is there: the port says it.
void SshTunnel::tryPort() {
    if (since_start_.elapsed() > kOpenMilliseconds)
        return fail(tr("ssh %1 did not connect in %2 s. %3")
                        .arg(host_)
                        .arg(kOpenMilliseconds / 1000)
                        .arg(lastWords(errors_)));
    auto* socket = new QTcpSocket(this);
    connect(socket, &QTcpSocket::connected, this, [this, socket] {
        socket->deleteLater();
        if (port_timer_.isActive()) {
            port_timer_.stop();
            up_ = true;
            emit opened(static_cast<double>(since_start_.elapsed()) / 1000);
        }
    });
    connect(socket, &QTcpSocket::errorOccurred, socket, &QObject::deleteLater);
    socket->connectToHost(QHostAddress::LocalHost, local_port_);
}

void SshTunnel::ended() {
    errors_ += process_->readAllStandardError();
    const QString words = lastWords(errors_);
    fail(words.isEmpty() ? tr("ssh %1 ended with status %2.").arg(host_).arg(process_->exitCode())
                         : tr("ssh %1: %2").arg(host_, words));
}

void SshTunnel::fail(const QString& message) {
    port_timer_.stop();
    up_ = false;
    if (process_) {
        process_->disconnect(this);
        if (process_->state() != QProcess::NotRunning)
            process_->kill();
        process_.release()->deleteLater(); // it may be what called
    }
    emit failed(message);
}

QStringList sshHosts(const QString& config_file) {
    QStringList hosts;
    readHosts(config_file, hosts, 0);
    return hosts;
}

QString sshConfigFile() {
    return QDir::homePath() + QStringLiteral("/.ssh/config");
}

} // namespace fulgurite
