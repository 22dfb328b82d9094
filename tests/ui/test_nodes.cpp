// SPDX-License-Identifier: GPL-3.0-or-later
// The list of nodes and how they are reached.
#include "tests/ui/foreign_script.h"
#include "ui/engine/retry_clock.h"
#include "ui/nodes/node_book.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/remote_link.h"
#include "ui/nodes/secret_store.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <csignal>
#include <limits>
#include <unistd.h>

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

// Stands for ssh: forwards the port that it is told to.
const char* const kForwarding = R"(#!/usr/bin/env python3
import os, socket, sys, threading
open(os.environ["FULGURITE_TEST_PID"], "w").write(str(os.getpid()))
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
)";

// A secret service in which the tokens of some nodes cannot be deleted.
class ClingingSecrets : public SecretStore {
  public:
    using SecretStore::SecretStore;
    QStringList clings;
    QStringList asked;
    void remove(const QString& node, Removed done) override {
        asked << node;
        QMetaObject::invokeMethod(
            this, [gone = !clings.contains(node), done] { done(gone); }, Qt::QueuedConnection);
    }
};

// A secret service that has the token, and is locked.
class LockedSecrets : public SecretStore {
  public:
    using SecretStore::SecretStore;
    bool locked = true;
    void read(const QString&, Found done) override {
        if (locked)
            done({}, "the wallet is locked", true);
        else
            done("secret", {}, false);
    }
};

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
        store.read("a", [&token](const QString& found, const QString&, bool) { token = found; });
        QTRY_COMPARE(token, QString("secret"));
        store.write("b", "other");
        store.write("a", {});
        token = "?";
        SecretStore(file).read("a", [](const QString&, const QString&, bool) {});
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
        QVERIFY(writeScript(folder_->filePath("ssh"), kForwarding));
        qputenv("FULGURITE_SSH", folder_->filePath("ssh").toLocal8Bit());
        qputenv("FULGURITE_TEST_PID", folder_->filePath("pid").toLocal8Bit());
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

        // Reached in another way from now on: ssh is not needed, and its end is not the node's.
        QFile file(folder_->filePath("pid"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const auto ssh = static_cast<pid_t>(file.readAll().toInt());
        QCOMPARE(::kill(ssh, 0), 0);
        entry.ssh_host.clear();
        link.setEntry(entry);
        QTRY_COMPARE_WITH_TIMEOUT(link.state(), LinkState::Ready, kPatience);
        QCOMPARE(link.endpoint().port, server.port());
        QTRY_VERIFY_WITH_TIMEOUT(::kill(ssh, 0) != 0, kPatience);
        QTest::qWait(100);
        QCOMPARE(link.state(), LinkState::Ready);
    }

    void theOwnerOfAPortIsRead() {
        const QByteArray table =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
            "   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1001        0 1 1\n"
            "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1002        0 2 1\n"
            "   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1003        0 3 1\n";
        QCOMPARE(listenerOwner(table, 8080), std::optional<unsigned>(1003)); // not a connection, not all addresses
        QCOMPARE(listenerOwner(table, 8081), std::optional<unsigned>());
        QCOMPARE(listenerOwner("garbage", 8080), std::optional<unsigned>());
    }

    // The window asks ten times a second, on a machine with 100,000 connections too: what taking all of them apart
    // would take is measured beside it.
    void theOwnerOfAPortIsReadFromALongTable() {
        QByteArray table;
        for (int i = 0; i < 20'000; ++i) {
            table += QByteArray::number(i).rightJustified(6) +
                     ": 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1001        0 1 1\n";
        }
        const QByteArray last =
            "     x: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1003        0 3 1\n";
        table += last;
        QCOMPARE(listenerOwner(table, 8081), std::optional<unsigned>(1003));
        QCOMPARE(listenerOwner(last, 8081), std::optional<unsigned>(1003));            // the first line
        QCOMPARE(listenerOwner(last.chopped(1), 8081), std::optional<unsigned>(1003)); // without an end
    }

    // Somebody else had read the number in ssh's command line and was quicker.
    void aPortOfAnotherUserGetsNoToken() {
        if (::geteuid() != 0) {
            QSKIP("only root can be two users");
        }
        QByteArray script = kForwarding;
        script.replace("spec =", "os.setuid(65534)\nspec =");
        QVERIFY(writeScript(folder_->filePath("ssh"), script));
        qputenv("FULGURITE_SSH", folder_->filePath("ssh").toLocal8Bit());
        qputenv("FULGURITE_TEST_PID", folder_->filePath("pid").toLocal8Bit());
        SshTunnel tunnel;
        QSignalSpy failed(&tunnel, &SshTunnel::failed);
        QSignalSpy opened(&tunnel, &SshTunnel::opened);
        tunnel.open("gate", "127.0.0.1", 8080);
        QTRY_COMPARE_WITH_TIMEOUT(failed.count(), 1, kPatience);
        QVERIFY2(failed.first().first().toString().contains("65534"),
                 qPrintable(failed.first().first().toString()));
        QCOMPARE(opened.count(), 0);
    }

    void aLockedSecretServiceIsNoWrongToken() {
        ScriptedServer server(test::foreignScript);
        LockedSecrets secrets(folder_->filePath("tokens.json"));
        NodeEntry entry = entryOf("far", QStringLiteral("http://127.0.0.1:%1").arg(server.port()));
        entry.id = "far";
        RemoteLink link(entry, secrets);
        link.connectNow();
        QCOMPARE(link.state(), LinkState::Failed);
        QVERIFY2(link.message().contains("the wallet is locked"), qPrintable(link.message()));
        QTest::qWait(100);
        QVERIFY(server.requests().empty());
        secrets.locked = false;
        link.connectNow();
        QTRY_COMPARE_WITH_TIMEOUT(link.state(), LinkState::Ready, kPatience);
        QCOMPARE(link.token(), QString("secret"));
    }

    // Only when its token is gone too: else nobody would know any more that it is there.
    void aRemovedNodeIsForgottenWhenNoUndoBringsItBack() {
        const QString file = folder_->filePath("nodes.json");
        ClingingSecrets secrets(folder_->filePath("tokens.json"));
        QString gone;
        QString clinging;
        {
            NodeBook book(file);
            gone = book.add(entryOf("gone", "http://a:1"));
            clinging = book.add(entryOf("clinging", "http://c:1"));
            const QString back = book.add(entryOf("back", "http://b:1"));
            book.remove(gone);
            book.remove(clinging);
            book.remove(back);
            QCOMPARE(book.undoRemove(), back);
        }
        {
            NodeBook book(file);
            QCOMPARE(book.removed(), QStringList({gone, clinging}));
            secrets.clings << clinging;
            deleteRemovedTokens(book, secrets);
            QCOMPARE(secrets.asked, book.removed());
            QTRY_COMPARE(book.removed(), QStringList(clinging));
            QTest::qWait(50);
        }
        {
            NodeBook book(file); // the next time
            QCOMPARE(book.removed(), QStringList(clinging));
            secrets.clings.clear();
            deleteRemovedTokens(book, secrets);
            QTRY_VERIFY(book.removed().isEmpty());
        }
        QVERIFY(NodeBook(file).removed().isEmpty());
    }

    // Without a secret service nobody knows whether it has a token.
    void aTokenIsGoneWhenTheServiceSaysSo() {
        qputenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        SecretStore store(folder_->filePath("tokens.json"));
        std::optional<bool> gone;
        store.remove("a", [&gone](bool is_gone) { gone = is_gone; });
        QTRY_VERIFY_WITH_TIMEOUT(gone.has_value(), kPatience);
        QVERIFY(!*gone);
    }

    void aFileThatCannotBeWrittenIsTold() {
        qputenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        SecretStore store(folder_->filePath("no/such/folder/tokens.json"));
        QSignalSpy fell(&store, &SecretStore::fellBack);
        QSignalSpy failed(&store, &SecretStore::fileFailed);
        store.write("a", "secret");
        QTRY_COMPARE_WITH_TIMEOUT(fell.count(), 1, kPatience);
        store.keepInFile();
        QCOMPARE(failed.count(), 1);
        QCOMPARE(store.fileProblem(), failed.first().first().toString()); // for who comes later
        QVERIFY(store.place() == SecretStore::Place::Session);
    }

    void pausesGrow() {
        QCOMPARE(RetryClock::secondsAfter(1), 3);
        QVERIFY(RetryClock::secondsAfter(3) > RetryClock::secondsAfter(2));
        QCOMPARE(RetryClock::secondsAfter(100), RetryClock::secondsAfter(5));
    }
};

QTEST_MAIN(TestNodes)
#include "test_nodes.moc"
