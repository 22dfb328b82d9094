// SPDX-License-Identifier: GPL-3.0-or-later
// `fulgurite --screenshots DIR`: every scene of every page, dark and light, at two sizes, as PNG files.
#pragma once

#include <QList>
#include <QObject>
#include <QSize>
#include <QString>
#include <QThreadPool>

#include <atomic>
#include <functional>

namespace fulgurite {

class LocalEngine;
class MainWindow;
class Settings;
struct ShellContext;

class PictureSession : public QObject {
    Q_OBJECT

  public:
    PictureSession(MainWindow& window, const ShellContext& context, const QString& folder,
                   QObject* parent = nullptr);

    // Waits for the engine first: the pages show its answers.
    void start();
    int written() const { return written_; }
    const QString& problem() const { return problem_; }

  signals:
    void finished();

  private:
    struct Scene {
        QString page;
        QString name;
        std::function<void(std::function<void()>)> prepare;
    };
    void followEngine();
    void collectScenes();
    void prepareNext();
    void takeAll(const QString& name);
    void take(const QString& file, const QSize& size, const QString& theme);
    void write(const QImage& picture, const QString& path);
    void finish(const QString& problem);

    MainWindow& window_;
    Settings& settings_;
    LocalEngine& engine_;
    QString folder_;
    QList<Scene> scenes_;
    bool started_ = false;
    bool finished_ = false;
    int next_ = 0;
    std::atomic<int> written_ = 0;
    QString problem_;
    QThreadPool writers_;
};

} // namespace fulgurite
