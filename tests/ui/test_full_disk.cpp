// SPDX-License-Identifier: GPL-3.0-or-later
// A disk that is full while an answer is written: a small file system of the test's own, in a namespace. What
// arrives and what is typed stays, the window says what is wrong, and everything is in the file once there is room.
#include "tests/support/namespaces.h"
#include "tests/ui/fault_bench.h"

#include <QApplication>
#include <QFile>

#include <algorithm>

using namespace fulgurite;
using namespace fulgurite::test;

namespace {
std::string g_why_not; // no namespaces
constexpr const char* kSize = "size=12m";
} // namespace

class TestFullDisk : public FaultTest {
    Q_OBJECT

  private:
    std::unique_ptr<ServedModel> node_;
    QString disk_;

    QString filler() const { return disk_ + QStringLiteral("/filler"); }
    void fill() {
        QFile file(filler());
        QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Unbuffered));
        for (const qsizetype size : {qsizetype{1} << 16, qsizetype{4096}, qsizetype{1}}) {
            const QByteArray block(size, 'x');
            while (file.write(block) == size) {
            }
        }
    }
    // The answer with nothing in its way, in a window of its own: on this disk it would leave room that can be used
    // again.
    void referenceElsewhere(QList<int>& tokens, QString& text) {
        const QString address = QStringLiteral("http://127.0.0.1:%1").arg(node_->port());
        openWith(folder_->path(), address);
        reference(tokens, text);
        bench_.reset();
        openWith(disk_, address);
        controller().setSampler(sampler());
    }
    QString draftInFile() {
        QString draft;
        controller().store().post([&draft, id = controller().line().id](StoreSession& session) {
            draft = QString::fromStdString(session.workspace().draft(id));
        });
        controller().store().wait();
        return draft;
    }

  private slots:
    void initTestCase() {
        if (!g_why_not.empty()) {
            QSKIP(g_why_not.c_str());
        }
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
    }
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        disk_ = folder_->filePath("disk");
        QVERIFY(QDir().mkpath(disk_));
        if (::mount("tmpfs", qPrintable(disk_), "tmpfs", 0, kSize) != 0) {
            QSKIP("no file system can be mounted in a namespace here");
        }
        const QString model = folder_->filePath("model");
        QVERIFY(makeRandomModel(model));
        node_ = std::make_unique<ServedModel>(model);
    }
    void cleanup() {
        bench_.reset();
        node_.reset();
        ::umount(qPrintable(disk_));
    }

    void whatArrivesAndWhatIsTypedStays() {
        QList<int> tokens;
        QString text;
        referenceElsewhere(tokens, text);
        QSignalSpy told(&controller(), &ConversationController::failed);
        QSignalSpy caught_up(&controller(), &ConversationController::caughtUp);
        begin();
        fill();
        controller().setDraft("typing");
        // The answer goes on to its end and can be read.
        QTRY_VERIFY_WITH_TIMEOUT(!controller().running(), kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(!told.isEmpty(), kPatience);
        QVERIFY2(told.first()[0].toString().contains("no space is left on the disk"),
                 qPrintable(told.first()[0].toString()));
        QCOMPARE(answer().token_count, kTokens);
        QCOMPARE(answer().text + answer().thinking.text, text);
        QVERIFY2(answer().note.contains("ot saved yet"), qPrintable(answer().note));
        QCOMPARE(controller().line().draft, QString("typing"));
        QTest::qWait(1500);                                                     // several tries to save
        QVERIFY2(told.count() <= 4, qPrintable(QString::number(told.count()))); // not one for each
        QVERIFY(ids(answer()).size() < kTokens);

        // What is saved can still be taken elsewhere, and what is missing there is said.
        const QString elsewhere = folder_->filePath("taken.md");
        const auto missing = [&told] {
            return std::any_of(told.begin(), told.end(), [](const QList<QVariant>& each) {
                return each[0].toString().contains("taken.md without the words");
            });
        };
        controller().exportTo(elsewhere, {controller().line().id});
        QTRY_VERIFY_WITH_TIMEOUT(missing(), kPatience);
        QVERIFY(QFile::exists(elsewhere));

        // A message that cannot be saved is not sent, and comes back.
        QSignalSpy restored(&controller(), &ConversationController::draftRestored);
        controller().send("and then");
        QTRY_COMPARE_WITH_TIMEOUT(restored.count(), 1, kPatience);
        QCOMPARE(restored.first()[0].toString(), QString("and then"));
        QVERIFY(!controller().running());
        controller().setDraft("and then");

        QVERIFY(QFile::remove(filler()));
        QTRY_VERIFY_WITH_TIMEOUT(!caught_up.isEmpty(), kPatience);
        controller().store().wait();
        QCOMPARE(ids(answer()), tokens);
        QTRY_VERIFY_WITH_TIMEOUT(answer().state == TurnState::Complete && answer().note != "not saved yet",
                                 kPatience);
        QCOMPARE(answer().text + answer().thinking.text, text);
        QTRY_COMPARE_WITH_TIMEOUT(draftInFile(), QString("and then"), kPatience);
        controller().send("and then");
        QTRY_VERIFY_WITH_TIMEOUT(controller().line().turns.size() == 4 && !controller().running(), kPatience);
    }

    // The window is closed and opened again behind it: the file is whole.
    void theFileIsWholeAfterwards() {
        QList<int> tokens;
        QString text;
        referenceElsewhere(tokens, text);
        begin();
        fill();
        QTRY_VERIFY_WITH_TIMEOUT(!controller().running(), kPatience);
        const qint64 conversation = controller().line().id;
        const qint64 turn = answer().id;
        QVERIFY(QFile::remove(filler()));
        const QString address = QStringLiteral("http://127.0.0.1:%1").arg(node_->port());
        bench_.reset();
        openWith(disk_, address);
        controller().open(conversation);
        QTRY_VERIFY_WITH_TIMEOUT(controller().line().id == conversation, kPatience);
        QCOMPARE(answer().id, turn);
        QCOMPARE(ids(answer()), tokens);
    }
};

int main(int argc, char** argv) {
    g_why_not = enterNamespaces(); // before Qt has a thread
    if (g_why_not.empty()) {
        QProcess::execute(QStringLiteral("ip"), {"link", "set", "lo", "up"});
    }
    QApplication application(argc, argv);
    TestFullDisk test;
    return QTest::qExec(&test, argc, argv);
}

#include "test_full_disk.moc"
