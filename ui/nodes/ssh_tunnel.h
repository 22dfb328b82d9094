// SPDX-License-Identifier: GPL-3.0-or-later
// One forwarded port through the system's own ssh, so that its configuration, keys, agent and jump hosts hold.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QProcess>
#include <QTimer>

#include <memory>
#include <optional>

namespace fulgurite {

class SshTunnel : public QObject {
    Q_OBJECT

  public:
    explicit SshTunnel(QObject* parent = nullptr);
    ~SshTunnel() override; // ends ssh

    // `host` as ssh takes it; what is reached from there is remote_host:remote_port.
    void open(const QString& host, const QString& remote_host, quint16 remote_port);
    void close();
    quint16 localPort() const { return local_port_; }
    bool up() const { return up_; }
    qint64 processId() const { return process_ ? process_->processId() : 0; }

    // $FULGURITE_SSH, or ssh on the PATH.
    static QString program();

  signals:
    void opened(double seconds);
    void failed(const QString& message); // could not be opened, or ended; once for each open()

  private:
    void tryPort();
    void ended();
    void fail(const QString& message);

    static void letEnd(std::unique_ptr<QProcess> process);

    std::unique_ptr<QProcess> process_;
    QString host_;
    QByteArray errors_;
    QTimer port_timer_;
    QElapsedTimer since_start_;
    quint16 local_port_ = 0;
    bool up_ = false;
};

// Whose socket listens on 127.0.0.1:port, by a table as in /proc/net/tcp; nothing: none does.
std::optional<unsigned> listenerOwner(const QByteArray& table, quint16 port);

// The names in ~/.ssh/config and the files it includes that are hosts one can connect to: no patterns.
QStringList sshHosts(const QString& config_file);
QString sshConfigFile(); // of this person

} // namespace fulgurite
