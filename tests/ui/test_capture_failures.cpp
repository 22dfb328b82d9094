// SPDX-License-Identifier: GPL-3.0-or-later
// An engine that is killed in the middle of a capture: the window says so, nothing half written is taken for a
// capture, and the next one works. With the real engine.
#include "ui/engine/engine_link.h"
#include "ui/engine/local_engine.h"
#include "ui/inspect/capture_bar.h"
#include "ui/inspect/capture_run.h"
#include "ui/pages/inspect_page.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"

#include <QDirIterator>
#include <QProgressBar>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

using namespace fulgurite;

class TestCaptureFailures : public QObject {
    Q_OBJECT

  private:
    QTemporaryDir home_;
    std::unique_ptr<Desktop> desktop_;

    InspectPage& page() { return *qobject_cast<InspectPage*>(desktop_->window().page(QStringLiteral("inspect"))); }
    CaptureBar& bar() { return *page().findChild<CaptureBar*>(); }
    QPushButton* button(const QString& text) {
        for (QPushButton* each : bar().findChildren<QPushButton*>()) {
            if (each->text() == text && each->isVisible()) {
                return each;
            }
        }
        return nullptr;
    }
    void inspect(std::size_t tokens, const char* title) {
        InspectWish wish;
        wish.title = QLatin1String(title);
        wish.prompt = TokenIds(tokens, 100);
        page().inspectAnswer(wish);
    }
    QStringList files(const QString& pattern) const {
        QStringList found;
        for (QDirIterator each(home_.path(), {pattern}, QDir::Files, QDirIterator::Subdirectories);
             each.hasNext();) {
            found << each.next();
        }
        return found;
    }

  private slots:
    void initTestCase() {
        desktop_ =
            std::make_unique<Desktop>(DesktopOptions{.workspace = home_.path(), .open = {}, .with_engine = true});
        desktop_->show();
        if (LocalEngine::findProgram().isEmpty() || LocalEngine::includedModel().isEmpty()) {
            QFAIL("there is no fulgurite-engine, or no included model, beside this test");
        }
        QTRY_COMPARE_WITH_TIMEOUT(desktop_->context().engine.state(), EngineState::Ready, 60000);
        // A capture can be asked for once the window knows the model.
        QTRY_VERIFY_WITH_TIMEOUT(desktop_->context().link.client() && desktop_->context().link.info(), 60000);
        desktop_->window().showPage(QStringLiteral("inspect"));
    }
    void cleanupTestCase() { desktop_.reset(); }

    void anEngineThatIsKilledMeanwhile() {
        inspect(30'000, "A long text");
        QTRY_VERIFY_WITH_TIMEOUT(button(QStringLiteral("Capture")) &&
                                     button(QStringLiteral("Capture"))->isEnabled(),
                                 60000); // 700 MiB: it asks first
        button(QStringLiteral("Capture"))->click();
        auto* progress = bar().findChild<QProgressBar*>();
        QTRY_VERIFY_WITH_TIMEOUT(progress->isVisible() && progress->value() > 0, 60000);
        QVERIFY(progress->value() < 30'000);
        QCOMPARE(files(QStringLiteral("*.fcap")).size(), 0);
        ::kill(static_cast<pid_t>(desktop_->context().engine.processId()), SIGKILL);

        QTRY_VERIFY_WITH_TIMEOUT(button(QStringLiteral("Dismiss")), 20000);
        QVERIFY2(bar().text().contains(QStringLiteral("A long text")), qPrintable(bar().text()));
        QVERIFY2(bar().text().contains(QStringLiteral("nothing of it was kept"), Qt::CaseInsensitive),
                 qPrintable(bar().text()));
        QVERIFY(!page().findChild<CaptureRun*>()->running());
        QCOMPARE(files(QStringLiteral("*.fcap")).size(), 0);
        QTRY_COMPARE_WITH_TIMEOUT(desktop_->context().engine.state(), EngineState::Lost, 20000);
        button(QStringLiteral("Dismiss"))->click();
        QVERIFY(!bar().isVisible());
    }

    void theNextCaptureWorks() {
        desktop_->context().engine.start();
        QTRY_COMPARE_WITH_TIMEOUT(desktop_->context().engine.state(), EngineState::Ready, 60000);
        QTRY_VERIFY_WITH_TIMEOUT(desktop_->context().link.client() && desktop_->context().link.info(), 60000);
        inspect(300, "A short text");
        QTRY_COMPARE_WITH_TIMEOUT(files(QStringLiteral("*.fcap")).size(), 1, 60000);
        QTRY_VERIFY_WITH_TIMEOUT(!bar().isVisible(), 20000);
        QTRY_VERIFY_WITH_TIMEOUT(page().source() && page().source()->info().tokens == 300, 20000);
    }
};

QTEST_MAIN(TestCaptureFailures)
#include "test_capture_failures.moc"
