// SPDX-License-Identifier: GPL-3.0-or-later
// Scenes are prepared once each, then painted in both themes and at both sizes.
#include "ui/shell/pictures.h"

#include "ui/base/settings.h"
#include "ui/engine/local_engine.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/main_window.h"

#include <QApplication>
#include <QDir>
#include <QPainter>
#include <QPixmap>
#include <QThreadPool>
#include <QTimer>

namespace fulgurite {
namespace {

const QString kDark = QStringLiteral("dark");
const QString kLight = QStringLiteral("light");
constexpr QSize kLarge(1440, 900);
constexpr QSize kSmall(1024, 700);
// A scene that the engine never completes must not keep the others from being painted; one embeds a collection.
constexpr int kSceneMilliseconds = 90000;
constexpr int kEngineMilliseconds = 15000;
constexpr int kInfoMilliseconds = 300;
constexpr int kBackgroundMilliseconds = 300;

// Layout, deferred work and what is drawn on other threads settle over a few rounds of the event loop.
void settle() {
    for (int i = 0; i < 6; ++i) {
        QApplication::processEvents(QEventLoop::ExcludeUserInputEvents, 20);
        QThreadPool::globalInstance()->waitForDone(kBackgroundMilliseconds);
    }
    QApplication::processEvents(QEventLoop::ExcludeUserInputEvents);
}

} // namespace

PictureSession::PictureSession(MainWindow& window, const ShellContext& context, const QString& folder,
                               QObject* parent)
    : QObject(parent), window_(window), settings_(context.settings), engine_(context.engine), folder_(folder) {}

void PictureSession::start() {
    if (!QDir().mkpath(folder_))
        return finish(QStringLiteral("cannot make the folder %1").arg(folder_));
    window_.resize(kLarge);
    connect(&engine_, &LocalEngine::stateChanged, this, &PictureSession::followEngine);
    QTimer::singleShot(kEngineMilliseconds, this, [this] {
        if (!started_)
            finish(QStringLiteral("the engine was not ready after %1 s").arg(kEngineMilliseconds / 1000));
    });
    followEngine();
}

void PictureSession::followEngine() {
    if (engine_.state() == EngineState::Failed || engine_.state() == EngineState::Lost)
        return finish(engine_.message());
    if (engine_.state() != EngineState::Ready || std::exchange(started_, true))
        return;
    // What the engine says about itself arrives a little later than its being ready.
    QTimer::singleShot(kInfoMilliseconds, this, [this] {
        collectScenes();
        prepareNext();
    });
}

void PictureSession::collectScenes() {
    scenes_ << Scene{.page = window_.pageIds().first(),
                     .name = QStringLiteral("palette"),
                     .prepare = [this](const std::function<void()>& ready) {
                         window_.palette().open(QStringLiteral("opc"));
                         ready();
                     }};
    for (const QString& id : window_.pageIds()) {
        for (const PictureScene& scene : window_.page(id)->pictureScenes())
            scenes_ << Scene{.page = id, .name = scene.name, .prepare = scene.prepare};
    }
}

void PictureSession::prepareNext() {
    if (next_ == scenes_.size())
        return finish({});
    const int index = next_++;
    const Scene& scene = scenes_[index];
    window_.showPage(scene.page);
    auto done = std::make_shared<bool>(false);
    auto ready = [this, done, name = scene.name] {
        if (std::exchange(*done, true))
            return;
        // Outside the caller's stack: the scene may have been reported from deep inside a page.
        QTimer::singleShot(0, this, [this, name] {
            takeAll(name);
            window_.palette().close();
            prepareNext();
        });
    };
    QTimer::singleShot(kSceneMilliseconds, this, [this, done, ready, name = scene.name] {
        if (*done)
            return;
        problem_ =
            QStringLiteral("the scene \"%1\" was not ready after %2 s").arg(name).arg(kSceneMilliseconds / 1000);
        ready();
    });
    scene.prepare(ready);
}

void PictureSession::takeAll(const QString& name) {
    // Styling every widget anew is what takes long, so each scene begins with the theme that the last one ended
    // with.
    const QString first = settings_.value(keys::kTheme).toString() == kLight ? kLight : kDark;
    const QString second = first == kLight ? kDark : kLight;
    take(QStringLiteral("%1-%2.png").arg(name, first), kLarge, first);
    take(QStringLiteral("%1-%2-small.png").arg(name, first), kSmall, first);
    take(QStringLiteral("%1-%2-small.png").arg(name, second), kSmall, second);
    take(QStringLiteral("%1-%2.png").arg(name, second), kLarge, second);
}

void PictureSession::take(const QString& file, const QSize& size, const QString& theme) {
    settings_.set(keys::kTheme, theme);
    window_.resize(size);
    settle();
    QPixmap picture = window_.grab();
    QPainter painter(&picture);
    // Pop-ups are windows of their own.
    for (QWidget* other : QApplication::topLevelWidgets()) {
        if (other != &window_ && other->isVisible() && other->parentWidget())
            painter.drawPixmap(other->mapToGlobal(QPoint()) - window_.mapToGlobal(QPoint()), other->grab());
    }
    painter.end();
    write(picture.toImage(), QDir(folder_).filePath(file));
}

// Packing a picture takes longer than painting it: that goes on beside the next one.
void PictureSession::write(const QImage& picture, const QString& path) {
    writers_.start([this, picture, path] {
        if (picture.save(path))
            ++written_;
        else
            QMetaObject::invokeMethod(this,
                                      [this, path] { problem_ = QStringLiteral("cannot write %1").arg(path); });
    });
}

void PictureSession::finish(const QString& problem) {
    if (std::exchange(finished_, true))
        return;
    writers_.waitForDone();
    QCoreApplication::sendPostedEvents(this); // what they had to say
    if (!problem.isEmpty())
        problem_ = problem;
    emit finished();
}

} // namespace fulgurite
