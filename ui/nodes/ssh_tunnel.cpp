// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/ssh_tunnel.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QtNetwork/QTcpServer>

#include <unistd.h>

namespace fulgurite {

namespace {

constexpr int kPortMilliseconds = 100;
constexpr int kOpenMilliseconds = 30'000;
constexpr int kEndMilliseconds = 500; // until an ssh that does not end is killed
constexpr int kMostIncludes = 8;
constexpr const char* kSockets = "/proc/net/tcp";

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
    letEnd(std::move(process_));
}

// It may take its time; nobody waits for it.
void SshTunnel::letEnd(std::unique_ptr<QProcess> process) {
    if (process->state() == QProcess::NotRunning) {
        process.release()->deleteLater(); // it may be what called
        return;
    }
    QProcess* const ending = process.release();
    ending->setParent(QCoreApplication::instance());
    connect(ending, &QProcess::finished, ending, &QObject::deleteLater);
    connect(ending, &QProcess::errorOccurred, ending, [ending](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            ending->deleteLater();
    });
    ending->terminate();
    QTimer::singleShot(kEndMilliseconds, ending, &QProcess::kill);
}

// ssh says nothing when it is there: its port says it. The number stands in ssh's command line for everybody to
// read, a second before ssh has it; so a port that belongs to somebody else gets no token.
void SshTunnel::tryPort() {
    if (since_start_.elapsed() > kOpenMilliseconds)
        return fail(tr("ssh %1 did not connect in %2 s. %3")
                        .arg(host_)
                        .arg(kOpenMilliseconds / 1000)
                        .arg(lastWords(errors_)));
    QFile sockets(QString::fromLatin1(kSockets));
    const std::optional<unsigned> owner =
        sockets.open(QIODevice::ReadOnly) ? listenerOwner(sockets.readAll(), local_port_) : std::nullopt;
    if (!owner)
        return;
    if (*owner != ::geteuid())
        return fail(tr("Another user of this computer (uid %1) listens on port %2, which the tunnel to %3 was to "
                       "have. Nothing was sent there. Try again; the tunnel takes another port then.")
                        .arg(*owner)
                        .arg(local_port_)
                        .arg(host_));
    port_timer_.stop();
    up_ = true;
    emit opened(static_cast<double>(since_start_.elapsed()) / 1000);
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
        letEnd(std::move(process_));
    }
    emit failed(message);
}

// A line: "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 12345 ...": number,
// local and remote address, state (0A listens), queues, timer, retransmissions, owner. A busy machine has 100,000
// of them, and the window asks ten times a second: only those with the address are taken apart.
std::optional<unsigned> listenerOwner(const QByteArray& table, quint16 port) {
    const QByteArray wanted = "0100007F:" + QByteArray::number(port, 16).rightJustified(4, '0').toUpper();
    for (qsizetype at = table.indexOf(wanted); at >= 0; at = table.indexOf(wanted, at + 1)) {
        const qsizetype begin = table.lastIndexOf('\n', at) + 1;
        const qsizetype end = table.indexOf('\n', at);
        const QByteArray line = table.mid(begin, end < 0 ? -1 : end - begin);
        const QList<QByteArray> fields = line.simplified().split(' ');
        if (fields.size() > 7 && fields[1] == wanted && fields[3] == "0A")
            return fields[7].toUInt();
    }
    return {};
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
