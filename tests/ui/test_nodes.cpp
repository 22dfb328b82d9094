// SPDX-License-Identifier: GPL-3.0-or-later
// The list of nodes and how they are reached.
#include "tests/ui/foreign_script.h"
#include "ui/engine/retry_clock.h"
#include "ui/nodes/node_book.h"
#include "ui/nodes/remote_link.h"
#include "ui/nodes/secret_store.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace fulgurite;

namespace {

constexpr int kPatience = 60000;

NodeEntry entryOf(const QString& name, const QString& address) {
    NodeEntry entry;
    entry.name = name;
    entry.address = address;
    return entry;
}

bool writeScript(const QString& path, const QByteArray& text) {
    QFile file(path);
    return file.open(QIODevice::WriteOnly) && file.write(text) == text.size() &&
           file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
}

} // namespace

class TestNodes : public QObject {
    Q_OBJECT

  private:
    std::unique_ptr<QTemporaryDir> folder_;

  private slots:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void theBookKeepsItsOrderAndForgives() {
        const QString file = folder_->filePath("nodes.json");
        QString id;
        {
            NodeBook book(file);
            QCOMPARE(book.entries().size(), 1);
            QCOMPARE(book.entries().first().id, kLocalNode);
            id = book.add(entryOf({}, "http://host:8080"));
            QCOMPARE(book.find(id)->name, QString("host"));
            QCOMPARE(book.find(book.add(entryOf({}, "http://host:8081")))->name, QString("host 2"));
            book.move(id, -1);
            book.setDefault(id);
            book.remove(id);
            QCOMPARE(book.defaultNode(), kLocalNode);
            QCOMPARE(book.undoRemove(), id);
            QCOMPARE(book.undoRemove(), QString());
            book.remove(kLocalNode);
        }
        const NodeBook again(file);
        QCOMPARE(again.entries().size(), 3);
        QCOMPARE(again.entries().first().id, id);
        QCOMPARE(again.defaultNode(), id);

        QVERIFY(writeScript(file, "{\"nodes\": 7"));
        const NodeBook damaged(file);
        QCOMPARE(damaged.entries().size(), 1);
        QVERIFY2(damaged.problem().contains("damaged"), qPrintable(damaged.problem()));
    }

    // Without a secret service a token lasts for the session, or stands in a file that nobody else can read.
    void tokensFallBackWithANotice() {
        qputenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        const QString file = folder_->filePath("tokens.json");
        QString token;
        {
            SecretStore store(file);
            QSignalSpy fell(&store, &SecretStore::fellBack);
            store.write("a", "secret");
            QTRY_COMPARE_WITH_TIMEOUT(fell.count(), 1, kPatience);
            QVERIFY(store.place() == SecretStore::Place::Session);
            QVERIFY(!QFile::exists(file));
            store.keepInFile();
            QCOMPARE(QFile::permissions(file) & (QFile::ReadGroup | QFile::ReadOther | QFile::WriteOther),
                     QFile::Permissions());
        }
        SecretStore store(file);
        store.read("a", [&token](const QString& found, const QString&) { token = found; });
        QTRY_COMPARE(token, QString("secret"));
        store.write("b", "other");
        store.write("a", {});
        token = "?";
        SecretStore(file).read("a", [](const QString&, const QString&) {});
        QTRY_VERIFY(store.place() == SecretStore::Place::File);
    }

    void hostsComeFromTheConfigurationOfSsh() {
        QVERIFY(writeScript(folder_->filePath("more"), "Host inner\n  HostName 10.0.0.1\n"));
        QVERIFY(writeScript(folder_->filePath("config"),
                            "# mine\nHost h800-a h800-b *.lab\n  User me\nInclude more\nHost !not\nhost=gate\n"));
        QCOMPARE(sshHosts(folder_->filePath("config")), QStringList({"h800-a", "h800-b", "inner", "gate"}));
        QCOMPARE(sshHosts(folder_->filePath("nothing")), QStringList());
    }

    void whatSshSaysIsTold() {
        QVERIFY(writeScript(folder_->filePath("ssh"),
                            "#!/bin/sh\necho 'ssh: connect to host x: No route' >&2\nexit 255\n"));
        qputenv("FULGURITE_SSH", folder_->filePath("ssh").toLocal8Bit());
        SshTunnel tunnel;
        QSignalSpy failed(&tunnel, &SshTunnel::failed);
        tunnel.open("x", "127.0.0.1", 8080);
        QTRY_COMPARE_WITH_TIMEOUT(failed.count(), 1, kPatience);
        QVERIFY2(failed.first().first().toString().contains("No route"),
                 qPrintable(failed.first().first().toString()));
    }

    void aTunnelCarriesTheRequests() {
        ScriptedServer server(test::foreignScript);
        // Stands for ssh: forwards the port that it is told to.
        QVERIFY(writeScript(folder_->filePath("ssh"), R"(#!/usr/bin/env python3
import socket, sys, threading
spec = sys.argv[sys.argv.index("-L") + 1].split(":")
listener = socket.create_server((spec[0], int(spec[1])))
def copy(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.close()
while True:
    a, _ = listener.accept()
    b = socket.create_connection((spec[2], int(spec[3])))
    threading.Thread(target=copy, args=(a, b), daemon=True).start()
    threading.Thread(target=copy, args=(b, a), daemon=True).start()
)"));
        qputenv("FULGURITE_SSH", folder_->filePath("ssh").toLocal8Bit());
        NodeEntry entry = entryOf("far", QStringLiteral("http://127.0.0.1:%1").arg(server.port()));
        entry.id = "far";
        entry.ssh_host = "gate";
        SecretStore secrets(folder_->filePath("tokens.json"));
        RemoteLink link(entry, secrets);
        link.connectNow();
        QTRY_COMPARE_WITH_TIMEOUT(link.state(), LinkState::Ready, kPatience);
        QVERIFY(link.endpoint().port != server.port());
        QCOMPARE(QString::fromStdString(link.steps().front().name), QString("ssh"));
        QCOMPARE(link.models().size(), 2u);
    }

    void pausesGrow() {
        QCOMPARE(RetryClock::secondsAfter(1), 3);
        QVERIFY(RetryClock::secondsAfter(3) > RetryClock::secondsAfter(2));
        QCOMPARE(RetryClock::secondsAfter(100), RetryClock::secondsAfter(5));
    }
};

QTEST_MAIN(TestNodes)
#include "test_nodes.moc"
