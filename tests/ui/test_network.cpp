// SPDX-License-Identifier: GPL-3.0-or-later
// The window and the node on two machines, as far as the network can tell: two network namespaces and a cable
// between them, which is cut at either end and made slow. The test is skipped, with the reason, where namespaces
// are not permitted.
#include "tests/support/namespaces.h"
#include "tests/ui/fault_bench.h"

#include <QApplication>
#include <QFile>
#include <QFileInfo>

using namespace fulgurite;
using namespace fulgurite::test;

namespace {

std::string g_why_not; // no namespaces

const QString kHere = QStringLiteral("10.77.0.1");
const QString kThere = QStringLiteral("10.77.0.2");
const QString kToken = QStringLiteral("token-of-the-cable-test");

// What it printed when it failed; empty: it did not.
QString problemOf(const QStringList& command) {
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(command.first(), command.mid(1));
    if (!process.waitForFinished(10000)) {
        return command.first() + QStringLiteral(": ") + process.errorString();
    }
    return process.exitCode() == 0
               ? QString()
               : command.join(u' ') + QStringLiteral(": ") + QString::fromUtf8(process.readAll());
}

} // namespace

// The other machine: a namespace that lives as long as a process in it, and the cable to it.
class FarMachine {
  public:
    FarMachine() {
        holder_.start(QStringLiteral("unshare"),
                      {QStringLiteral("-n"), QStringLiteral("sleep"), QStringLiteral("1000")});
        holder_.waitForStarted();
        const QString theirs = QStringLiteral("/proc/%1/ns/net").arg(holder_.processId());
        for (int i = 0;
             i < 200 && QFileInfo(theirs).symLinkTarget() == QFileInfo("/proc/self/ns/net").symLinkTarget(); ++i) {
            QTest::qSleep(10);
        }
    }
    ~FarMachine() {
        problemOf({"ip", "link", "del", "here"}); // with the namespace it would go some time later
        holder_.kill();
        holder_.waitForFinished();
    }

    // A command on it.
    QStringList there(const QStringList& command) const {
        return QStringList{"nsenter", "--net=/proc/" + QString::number(holder_.processId()) + "/ns/net"} + command;
    }
    QString connectCable() const {
        const QString pid = QString::number(holder_.processId());
        const QList<QStringList> steps{
            {"ip", "link", "set", "lo", "up"},
            {"ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", pid},
            {"ip", "addr", "add", kHere + "/24", "dev", "here"},
            {"ip", "link", "set", "here", "up"},
            there({"ip", "addr", "add", kThere + "/24", "dev", "there"}),
            there({"ip", "link", "set", "there", "up"})};
        for (const QStringList& step : steps) {
            if (const QString problem = problemOf(step); !problem.isEmpty()) {
                return problem;
            }
        }
        return {};
    }
    // Everything on the way takes longer, both ways.
    QString slowDown(const QStringList& discipline) const {
        const QString problem = problemOf(QStringList{"tc", "qdisc", "add", "dev", "here", "root"} + discipline);
        return problem.isEmpty()
                   ? problemOf(there(QStringList{"tc", "qdisc", "add", "dev", "there", "root"} + discipline))
                   : problem;
    }

  private:
    QProcess holder_;
};

class TestNetwork : public FaultTest {
    Q_OBJECT

  private:
    std::unique_ptr<FarMachine> machine_;
    std::unique_ptr<QProcess> node_;

    void link(const char* end, const char* state) {
        const QStringList command{"ip", "link", "set", end, state};
        const QString problem = problemOf(end == std::string_view("here") ? command : machine_->there(command));
        QVERIFY2(problem.isEmpty(), qPrintable(problem));
    }

  private slots:
    void initTestCase() {
        if (!g_why_not.empty()) {
            QSKIP(g_why_not.c_str());
        }
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
        const QString problem = FarMachine().connectCable();
        if (!problem.isEmpty()) {
            QSKIP(qPrintable("no cable between two namespaces: " + problem));
        }
    }
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        const QString model = folder_->filePath("model");
        QVERIFY(makeRandomModel(model));
        QFile token(folder_->filePath("token"));
        QVERIFY(token.open(QIODevice::WriteOnly));
        token.setPermissions(QFile::ReadOwner | QFile::WriteOwner);
        token.write(kToken.toUtf8() + '\n');
        token.close();
        machine_ = std::make_unique<FarMachine>();
        QCOMPARE(machine_->connectCable(), QString());
        node_ = std::make_unique<QProcess>();
        const QStringList command =
            machine_->there({LocalEngine::findProgram(), "serve", "--model", model, "--listen", kThere + ":0",
                             "--token-file", token.fileName(), "--exit-with-stdin"});
        node_->start(command.first(), command.mid(1));
        QVERIFY(node_->waitForReadyRead(kPatience));
        const int port = QJsonDocument::fromJson(node_->readLine()).object()["port"].toInt();
        QVERIFY2(port > 0, node_->readAllStandardError().constData());
        openWith(folder_->path(), QStringLiteral("http://%1:%2").arg(kThere).arg(port), kToken);
    }
    void cleanup() {
        bench_.reset();
        if (node_) {
            node_->kill();
            node_->waitForFinished();
        }
        node_.reset();
        machine_.reset();
    }

    // Nobody is told: packets vanish, and after some silence the window knows.
    void aCableThatIsCutAtTheFarEnd() {
        QList<int> tokens;
        QString text;
        reference(tokens, text);
        begin();
        controller().setDraft("typing");
        link("there", "down");
        QTRY_VERIFY_WITH_TIMEOUT(hub().link(id_).state() == LinkState::Waiting, kPatience);
        const QString why = hub().link(id_).message(); // the silence, or that nobody says where the other end is
        QVERIFY2(why.contains("has not answered") || why.contains("o route to host"), qPrintable(why));
        QTRY_VERIFY(controller().interrupted() && notice().isVisible());
        QTRY_VERIFY(answer().state == TurnState::Cut);
        const int had = controller().interrupted()->tokens;
        QVERIFY2(had > 0 && had < kTokens, qPrintable(QString::number(had)));
        QVERIFY(hub().link(id_).secondsLeft() > 0);
        QCOMPARE(controller().line().draft, QString("typing"));
        QSignalSpy resumed(&controller(), &ConversationController::resumed);
        link("there", "up");
        settle(); // by the countdown itself
        QCOMPARE(resumed.count(), 1);
        QCOMPARE(resumed.first()[1].toInt(), had);
        compare(tokens, text);
        QCOMPARE(controller().line().draft, QString("typing"));
    }

    // The window's own machine is off the network: it is told at once, and tries in vain until it is back.
    void aCableThatIsPulledHere() {
        QList<int> tokens;
        QString text;
        reference(tokens, text);
        begin();
        link("here", "down");
        QTRY_VERIFY_WITH_TIMEOUT(hub().link(id_).tries() >= 2, kPatience);
        QVERIFY2(hub().link(id_).message().contains("nreachable"), qPrintable(hub().link(id_).message()));
        QTRY_VERIFY(answer().state == TurnState::Cut);
        link("here", "up");
        QVERIFY(button("Try now"));
        button("Try now")->click();
        settle();
        compare(tokens, text);
    }

    void aSlowCableIsNoFault() {
        QList<int> tokens;
        QString text;
        reference(tokens, text);
        const QString no_delay = machine_->slowDown({"netem", "delay", "120ms", "30ms"});
        if (!no_delay.isEmpty()) { // a kernel without netem: packets queue up behind a narrow place instead
            const QString no_queue =
                machine_->slowDown({"tbf", "rate", "4mbit", "burst", "4kb", "latency", "400ms"});
            if (!no_queue.isEmpty()) {
                QSKIP(qPrintable("the cable cannot be made slow: " + no_delay + "; " + no_queue));
            }
            qInfo("without netem, so at 4 Mbit/s with a queue: %s", qPrintable(no_delay.simplified()));
        }
        QSignalSpy cut(&controller(), &ConversationController::interruptedChanged);
        QElapsedTimer clock;
        clock.start();
        begin();
        settle();
        qInfo("the answer took %lld ms", static_cast<long long>(clock.elapsed()));
        QCOMPARE(cut.count(), 0);
        compare(tokens, text);
    }
};

int main(int argc, char** argv) {
    g_why_not = enterNamespaces(); // before Qt has a thread
    QApplication application(argc, argv);
    TestNetwork test;
    return QTest::qExec(&test, argc, argv);
}

#include "test_network.moc"
