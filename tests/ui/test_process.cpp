// SPDX-License-Identifier: GPL-3.0-or-later
// The program as it is started: without a display, closed by a signal, killed, started twice.
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <memory>

class TestProcess : public QObject {
    Q_OBJECT

  private slots:
    void versionAndHelpNeedNoDisplay();
    void windowNeedsADisplayAndSaysSo();
    void firstPaintIsMeasured();
    void signalClosesInOrder();
    void killLeavesTheMarker();
    void secondStartIsRefusedOnOneWorkspace();
    void unusableWorkspaceIsNamed();
};

namespace {

constexpr int kPatience = 60000;

QString program() {
    return qEnvironmentVariable("FULGURITE_BIN_DIR") + "/fulgurite";
}

std::unique_ptr<QProcess> start(const QStringList& arguments, bool display = true) {
    auto process = std::make_unique<QProcess>();
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "DBUS_SESSION_BUS_ADDRESS"})
        environment.remove(name);
    if (display)
        environment.insert("QT_QPA_PLATFORM", "offscreen");
    process->setProcessEnvironment(environment);
    process->start(program(), arguments);
    return process;
}

bool markerExists(const QTemporaryDir& workspace) {
    return QFile::exists(workspace.filePath("state/running.json"));
}

} // namespace

void TestProcess::versionAndHelpNeedNoDisplay() {
    for (const char* option : {"--version", "--help"}) {
        auto process = start({option}, false);
        QVERIFY(process->waitForFinished(kPatience));
        QCOMPARE(process->exitCode(), 0);
        QVERIFY(!process->readAllStandardOutput().trimmed().isEmpty());
    }
    auto wrong = start({"--no-such-option"}, false);
    QVERIFY(wrong->waitForFinished(kPatience));
    QCOMPARE(wrong->exitCode(), 2);
}

void TestProcess::windowNeedsADisplayAndSaysSo() {
    auto process = start({"--no-engine"}, false);
    QVERIFY(process->waitForFinished(kPatience));
    QCOMPARE(process->exitCode(), 1);
    QVERIFY(process->readAllStandardError().contains("no display"));
}

void TestProcess::firstPaintIsMeasured() {
    QTemporaryDir workspace;
    auto process = start({"--measure-start", "--no-engine", "--workspace", workspace.path()});
    QVERIFY(process->waitForFinished(kPatience));
    bool number = false;
    const double milliseconds = process->readAllStandardOutput().trimmed().toDouble(&number);
    QVERIFY(number && milliseconds > 0);
    qInfo("first paint after %.0f ms", milliseconds);
    QVERIFY(!markerExists(workspace));
}

void TestProcess::signalClosesInOrder() {
    QTemporaryDir workspace;
    auto process = start({"--no-engine", "--workspace", workspace.path()});
    QTRY_VERIFY_WITH_TIMEOUT(markerExists(workspace), kPatience);
    QTest::qWait(1500); // past the start, where the handler is set
    ::kill(static_cast<pid_t>(process->processId()), SIGTERM);
    QVERIFY(process->waitForFinished(kPatience));
    QCOMPARE(process->exitStatus(), QProcess::NormalExit);
    QCOMPARE(process->exitCode(), 0);
    QVERIFY(!markerExists(workspace));
    QVERIFY(QFile::exists(workspace.filePath("state/session.json")));
}

void TestProcess::killLeavesTheMarker() {
    QTemporaryDir workspace;
    auto process = start({"--no-engine", "--workspace", workspace.path()});
    QTRY_VERIFY_WITH_TIMEOUT(markerExists(workspace), kPatience);
    process->kill();
    QVERIFY(process->waitForFinished(kPatience));
    QVERIFY(markerExists(workspace));
    // The lock of a dead process does not keep the next one out.
    auto next = start({"--measure-start", "--no-engine", "--workspace", workspace.path()});
    QVERIFY(next->waitForFinished(kPatience));
    QCOMPARE(next->exitCode(), 0);
    QVERIFY(!markerExists(workspace));
}

void TestProcess::secondStartIsRefusedOnOneWorkspace() {
    QTemporaryDir workspace;
    auto first = start({"--no-engine", "--workspace", workspace.path()});
    QTRY_VERIFY_WITH_TIMEOUT(markerExists(workspace), kPatience);
    auto second = start({"--measure-start", "--no-engine", "--workspace", workspace.path()});
    QVERIFY(second->waitForFinished(kPatience));
    QCOMPARE(second->exitCode(), 1);
    QVERIFY(second->readAllStandardError().contains("already open"));
    first->kill();
    first->waitForFinished(kPatience);
}

void TestProcess::unusableWorkspaceIsNamed() {
    QTemporaryDir folder;
    QFile file(folder.filePath("taken"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    auto process = start({"--measure-start", "--no-engine", "--workspace", folder.filePath("taken")});
    QVERIFY(process->waitForFinished(kPatience));
    QCOMPARE(process->exitCode(), 1);
    QVERIFY(process->readAllStandardError().contains("taken"));
}

QTEST_MAIN(TestProcess)
#include "test_process.moc"
